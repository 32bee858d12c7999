"""Pitch: found by Praat, cut as the crops are, told by the decoder."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from llm_codec.tone import PITCHES, pitch_hertz, pitch_step
from llm_codec.training.data import Span
from llm_codec.training.pitch import Pitch, PitchTracks, Voice
from llm_codec.training.trainer import Trainer

RATE, HOP = 16000, 160


@dataclasses.dataclass
class Bank:
    """Two clips in memory, as a `ClipBank` holds them."""

    clips: list[np.ndarray]
    path: object

    @property
    def ends(self) -> np.ndarray:
        return np.cumsum([len(clip) for clip in self.clips])

    def clip(self, number: int) -> np.ndarray:
        return self.clips[number]


def buzz(hertz: float, samples: int) -> np.ndarray:
    times = np.arange(samples) / RATE
    return sum(np.cos(2 * np.pi * k * hertz * times) / k for k in range(1, 10)) * 0.05


@pytest.fixture
def tracks(tmp_path, recipe, words) -> PitchTracks:
    pytest.importorskip("parselmouth")
    still = np.zeros(4000)
    bank = Bank([buzz(110, 8050), np.concatenate([still, buzz(220, 8000)])], tmp_path / "a.npy")
    return PitchTracks(bank, shape(recipe, words))


def shape(recipe, words):
    return recipe().codec_config(words)


def test_tracks_hold_the_pitch_and_where_there_is_none(tracks: PitchTracks) -> None:
    assert tracks.ends.tolist() == [51, 51 + 75]
    first, second = tracks.values[:51], tracks.values[51:]
    assert np.median(first) == pytest.approx(110, abs=1)
    assert not second[:20].any() and np.median(second[30:70]) == pytest.approx(220, abs=2)


def test_crops_get_the_pitch_of_the_clips_in_them(tracks: PitchTracks) -> None:
    spans = [Span(0, 0, 0, 3200, 1600), Span(0, 1, 4800, 8000, 6400), Span(1, 1, 0, 8000, 0)]
    found = tracks.crops(spans, 2, 8000)
    assert found.shape == (2, 50)
    assert found[0, :20].median() == pytest.approx(110, abs=1)
    assert not found[0, 20:30].any() and found[0, 32:48].median() == pytest.approx(220, abs=2)
    assert not found[1, :20].any()


def test_tracks_are_found_once(tracks: PitchTracks, tmp_path, recipe, words) -> None:
    class Never(Bank):
        def clip(self, number: int) -> np.ndarray:
            raise AssertionError("read again")

    clips = [np.zeros(8050), np.zeros(12000)]
    again = PitchTracks(Never(clips, tmp_path / "a.npy"), shape(recipe, words))
    assert np.array_equal(again.values, tracks.values)


def test_a_decoder_without_a_tone_is_refused(tmp_path, recipe, words) -> None:
    other = dataclasses.replace(shape(recipe, words), decoder="waveform")
    with pytest.raises(ValueError, match="spectral"):
        PitchTracks(Bank([np.zeros(9000)], tmp_path / "a.npy"), other)


def test_steps_and_hertz_are_inverse() -> None:
    steps = torch.arange(PITCHES).float()
    assert torch.allclose(pitch_step(pitch_hertz(steps)), steps, atol=1e-4)


def test_the_loss_is_least_at_the_true_pitch() -> None:
    def step(voice: Voice) -> SimpleNamespace:
        return SimpleNamespace(voice=voice)

    hertz = torch.tensor([[0.0, 110.0, 220.0]])
    place = pitch_step(hertz.clamp_min(55.0))[..., None]
    bell = -0.5 * (torch.arange(PITCHES) - place) ** 2
    voicing = torch.tensor([[-9.0, 9.0, 9.0]])
    right = Pitch()(step(voice=Voice(voicing, bell, hertz)))
    wrong = Pitch()(step(voice=Voice(-voicing, bell.flip(-1), hertz)))
    assert right["voicing"] < 1e-3 < wrong["voicing"]
    assert right["pitch"] == pytest.approx(1.42, abs=0.02) and wrong["pitch"] > 10  # bell's entropy
    nothing = Pitch()(step(voice=Voice(voicing, bell, 0 * hertz)))
    assert nothing["pitch"] == 0


def test_a_run_learns_pitch_only_if_asked(recipe, words) -> None:
    pytest.importorskip("parselmouth")
    told = Trainer(recipe(weights={"mel": 1.0, "pitch": 1.0, "voicing": 1.0}), words)
    losses = told._update()
    assert {"pitch", "voicing", "mel"} <= set(losses)
    head = told.codec.decoder.pitch.project.weight
    assert head.grad is not None and head.grad.abs().sum() > 0
    plain = Trainer(recipe(weights={"mel": 1.0}), words)
    assert "pitch" not in plain._update() and plain.trained.pitches is None
