"""Identity is perfect, noise is worse the more there is, and packages' values are given as such."""

from __future__ import annotations

import numpy as np
import pesq
import pystoi
import pytest

from llm_codec.bench.codecs.sanity import Identity, MuLaw
from llm_codec.bench.metrics import METRICS, Scorer
from llm_codec.bench.metrics.spectral import si_sdr
from llm_codec.bench.worker import reconstruct

PERFECT = {
    "pesq_wb": 4.6439, "pesq_nb": 4.5486, "stoi": 1, "estoi": 1, "mel": 0, "stft": 0,
    "si_sdr": 100, "mcd": 0, "f0_correlation": 1, "voicing_error": 0,
}  # PESQ: the ends of the mapping curves of P.862.2 and P.862.1


def noisy(wave: np.ndarray, decibels: float) -> np.ndarray:
    """A wave with white noise so many dB under it."""
    noise = np.random.default_rng(1).standard_normal(len(wave))
    return (wave + noise * wave.std() * 10 ** (-decibels / 20)).astype(np.float32)


@pytest.fixture(scope="module")
def scorer(speech: np.ndarray) -> Scorer:
    return Scorer(speech, "speech")


def test_identity_is_perfect_on_every_metric(scorer, speech):
    decoded, encoded, _ = reconstruct(Identity(), speech)
    values, failed = scorer.score(decoded)
    assert not failed and np.array_equal(decoded, speech) and encoded.bits == 32 * len(speech)
    assert values == pytest.approx(PERFECT, abs=2e-4)


@pytest.mark.parametrize("name", PERFECT)
def test_more_noise_is_worse(scorer, speech, name):
    found = [scorer.score(noisy(speech, decibels))[0][name] for decibels in (40, 20, 10, 0)]
    worse = found if METRICS[name].higher else found[::-1]
    assert worse == sorted(worse, reverse=True) and worse[0] != worse[-1]


def test_pesq_and_stoi_are_those_of_their_packages(scorer, speech):
    decoded = noisy(speech, 15)
    values, _ = scorer.score(decoded)
    assert values["pesq_wb"] == pesq.pesq(16000, speech, decoded, "wb")
    assert values["pesq_nb"] == pesq.pesq(16000, speech, decoded, "nb")
    assert values["stoi"] == pystoi.stoi(speech, decoded, 16000)
    extended = pystoi.stoi(speech, decoded, 16000, extended=True)  # adds noise of one epsilon
    assert values["estoi"] == pytest.approx(extended, abs=1e-12)


def test_mu_law_lands_where_theory_puts_it(scorer, speech):
    decoded, encoded, _ = reconstruct(MuLaw(), speech)
    values, _ = scorer.score(decoded)
    assert encoded.bits == 8 * len(speech)
    # Steps of 2 ln(256) / 255 of the level: 6.02 * 8 + 4.77 - 20 log10(ln 256) = 38.1 dB, less
    # what the linear part near zero costs (Jayant and Noll 1984, section 4.6).
    assert 36.5 < values["si_sdr"] < 38.5
    assert values["pesq_nb"] > 4.3 and values["stoi"] > 0.97 and values["voicing_error"] < 0.05


def test_si_sdr_is_the_ratio_of_a_known_mixture_at_any_level():
    draw = np.random.default_rng(0)
    clean, noise = draw.standard_normal((2, 160000))
    noise -= (clean @ noise) / (clean @ clean) * clean  # at right angles
    mixed = clean + noise * np.linalg.norm(clean) / np.linalg.norm(noise) / 10
    assert si_sdr(clean, mixed) == pytest.approx(20, abs=0.01)
    assert si_sdr(clean, -0.1 * mixed + 0.3) == pytest.approx(20, abs=0.01)


def test_metrics_of_speech_are_left_out_for_music_and_sound(speech):
    for kind in ("music", "sound"):
        values, failed = Scorer(speech, kind).score(speech)
        assert set(values) == {"mel", "stft", "si_sdr", "mcd"} and not failed


@pytest.mark.parametrize(
    "wave, missing",
    [
        (np.zeros(16000, np.float32), {"pesq_wb", "pesq_nb", "stoi", "si_sdr", "f0_correlation"}),
        (0.1 * np.ones(100, np.float32), {"pesq_wb", "pesq_nb", "stoi", "voicing_error"}),
        (0.1 * np.ones(1, np.float32), {"pesq_wb", "stoi", "estoi", "si_sdr"}),
    ],
    ids=["silence", "short", "one sample"],
)
def test_a_clip_without_a_value_has_a_reason_and_no_number(wave, missing):
    values, failed = Scorer(wave, "speech").score(wave)
    assert missing <= set(failed) and all(failed.values())
    assert not set(values) & set(failed) and set(values) | set(failed) == set(PERFECT)


def test_a_silent_reconstruction_fails_rather_than_scores(scorer, speech):
    values, failed = scorer.score(np.zeros_like(speech))
    assert {"pesq_wb", "si_sdr", "f0_correlation"} <= set(failed)
    assert values["voicing_error"] > 0.2 and values["mel"] > 5
