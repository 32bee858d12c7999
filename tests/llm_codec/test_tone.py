"""A tone: its pitch, its power, and a phase that goes on from run to run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llm_codec.tone import PITCHES, Clock, PitchHead, Tone, pitch_hertz, salience

RATE, WINDOW, HOP = 16000, 640, 160


@pytest.fixture
def tone() -> Tone:
    return Tone(RATE, WINDOW, HOP)


@pytest.mark.parametrize("hertz", [60.0, 100.0, 437.0, 800.0])
def test_pulses_have_their_pitch_and_unit_power(tone: Tone, hertz: float) -> None:
    wave = tone.pulses(torch.full((1, 100), hertz, dtype=torch.float64))[0]
    assert wave.square().mean().sqrt().item() == pytest.approx(1, abs=0.03)
    spectrum = torch.fft.rfft(wave * torch.hann_window(len(wave), dtype=torch.float64)).abs()
    peaks = [spectrum[round(k * hertz) - 3 : round(k * hertz) + 4].max() for k in (1, 2, 5)]
    between = spectrum[round(1.5 * hertz) - 3 : round(1.5 * hertz) + 4].max()
    assert min(peaks) > 0.9 * max(peaks) and between < 1e-2 * min(peaks)
    assert spectrum[7990:].max() < 1e-2 * min(peaks)  # nothing folds over


def test_spectra_are_those_of_the_pulses(tone: Tone) -> None:
    hertz = 150 + 20 * torch.rand(2, 12, dtype=torch.float64)
    wave = torch.nn.functional.pad(tone.pulses(hertz), (240, 240))
    spectra = tone(hertz)
    assert spectra.shape == (2, 12, WINDOW // 2 + 1)
    expected = torch.fft.rfft(wave[1, 5 * HOP : 5 * HOP + WINDOW] * tone.hann)
    assert torch.allclose(spectra[1, 5], expected)


def test_a_clock_carries_the_phase_over(tone: Tone) -> None:
    hertz = 100 + 50 * torch.rand(2, 30, dtype=torch.float64)
    whole, clock = tone.pulses(hertz), Clock(0, 20 * HOP)
    first = tone.pulses(hertz[:, :21], clock)
    assert torch.allclose(first[:, : 20 * HOP], whole[:, : 20 * HOP])
    clock.mark, clock.next_mark = 5 * HOP, 15 * HOP  # the next run begins five frames earlier
    second = tone.pulses(hertz[:, 15:], clock)
    assert torch.allclose(second[:, HOP:], whole[:, 16 * HOP :], atol=1e-9)
    alone = tone.pulses(hertz[:, 15:])
    assert not torch.allclose(alone[:, HOP:], whole[:, 16 * HOP :], atol=0.1)


def test_what_repeats_stands_out_at_its_pitch() -> None:
    table = salience(RATE, 1024)
    assert table.shape == (PITCHES, 513)
    for step in (12, 30, 55):
        hertz = pitch_hertz(torch.tensor(float(step))).item()
        times = np.arange(1024) / RATE
        wave = sum(np.cos(2 * np.pi * k * hertz * times) for k in range(1, 9))
        power = torch.from_numpy(np.abs(np.fft.rfft(wave * np.hanning(1024)))).float() ** 0.7
        found = table @ power
        assert abs(found[step - 6 : step + 7].argmax().item() - 6) <= 1
        assert found[step] > 2 * found.mean()


def test_a_pitch_is_the_mean_about_the_likeliest() -> None:
    head = PitchHead(4)
    pitches = torch.full((1, 1, PITCHES), -9.0)
    pitches[..., 20], pitches[..., 21] = 4.0, 4.0
    pitches[..., 60] = 3.9  # another guess, far away, does not draw it
    assert head.hertz(pitches).item() == pytest.approx(pitch_hertz(torch.tensor(20.5)).item())
    voicing, told = head(torch.randn(2, 7, 4))
    assert voicing.shape == (2, 7) and told.shape == (2, 7, PITCHES)
