"""Opus, Codec2 and Speex through their tools: rates, lengths, and no delay left."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from llm_codec.bench import codecs
from llm_codec.bench.codecs import debian
from llm_codec.bench.metrics.spectral import Distances, si_sdr
from llm_codec.bench.worker import reconstruct

TOOLS = {"opus": "opusenc", "codec2": "c2enc", "speex": "speexenc"}
RATES = {  # bit/s of a long clip; Opus varies with what it hears, so within these
    "opus@6": (3000, 8000), "opus@12": (7000, 15000), "codec2@700": (700, 740),
    "codec2@1300": (1300, 1370), "codec2@2400": (2400, 2500), "codec2@3200": (3200, 3330),
    "speex@4": (3950, 4200), "speex@8": (8000, 8500),
}


def load(spec: str) -> codecs.Codec:
    if shutil.which(TOOLS[spec.partition("@")[0]]) is None:
        pytest.skip(f"the tools of {spec} are not installed")
    return codecs.load(spec)


@pytest.mark.parametrize("spec", RATES)
def test_rate_is_measured_on_what_was_sent(spec, make_voice):
    codec = load(spec)
    wave = make_voice(4.0)
    _, encoded, _ = reconstruct(codec, wave)
    low, high = RATES[spec]
    assert low <= encoded.bits / 4 <= high
    assert codec.describe()["version"] not in ("", "unknown")


@pytest.mark.parametrize("seconds", [0.03, 0.5, 1.2345])
@pytest.mark.parametrize("spec", RATES)
def test_output_is_as_long_as_the_input(spec, seconds, make_voice):
    wave = make_voice(4.0)[: round(seconds * 16000)]
    decoded, _, _ = reconstruct(load(spec), wave)
    assert decoded.shape == wave.shape and np.isfinite(decoded).all()


@pytest.mark.parametrize("seconds", [0.8, 3.0])  # Speex has one page of sound, or several
@pytest.mark.parametrize("spec", ["opus@12", "speex@8"])
def test_waveform_codecs_are_in_time_to_the_sample(spec, seconds, make_voice):
    wave = make_voice(4.0)[: round(seconds * 16000)]
    decoded, _, _ = reconstruct(load(spec), wave)
    ratios = {lag: si_sdr(wave[400:-400], np.roll(decoded, -lag)[400:-400])
              for lag in range(-320, 321, 2)}
    assert abs(max(ratios, key=ratios.get)) <= 4


@pytest.mark.parametrize("spec", ["codec2@700", "codec2@1300", "codec2@2400", "codec2@3200"])
def test_vocoders_are_in_time_to_a_few_milliseconds(spec, make_voice):
    codec = load(spec)
    wave = np.concatenate([make_voice(3.0, seed) for seed in range(3)])
    decoded, _, _ = reconstruct(codec, wave)
    distances = Distances(wave)
    found = {lag: distances(np.roll(decoded, -lag))["mel"] for lag in range(-640, 641, 80)}
    assert abs(min(found, key=found.get)) <= 160  # 10 ms, half a frame of the fastest mode


def test_missing_tool_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(codecs.Missing, match="apt-get install codec2"):
        codecs.load("codec2@700")


def test_a_tool_that_fails_is_one_line():
    with pytest.raises(ValueError, match=r"^sh failed \(3\): it broke$"):
        debian._run(["sh", "-c", "echo it broke >&2; exit 3"], b"")


def test_pages_of_an_ogg_stream_are_their_bodies():
    def page(body: bytes) -> bytes:
        lacing = bytes([255] * (len(body) // 255) + [len(body) % 255])
        return b"OggS" + bytes(22) + bytes([len(lacing)]) + lacing + body

    bodies = [b"head", b"", b"sound OggS" * 60]
    assert debian.ogg_pages(b"".join(map(page, bodies))) == bodies
