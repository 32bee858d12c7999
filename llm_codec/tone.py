"""A voice's tone: pulses at a pitch, as spectra, with a phase that runs on from chunk to chunk."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

LOWEST, OCTAVES, PITCHES = 55.0, 4.0, 80  # Hz, the range above it, and steps it is told in
NEAR = 3  # steps about the likeliest that a pitch is the mean of
HIGHEST_SHARE = 0.97  # of half the sample rate, for the highest harmonic


@dataclass
class Clock:
    """Where in its cycle the tone is at one sample of a run, so that the next run goes on there.

    Args:
        mark: sample of this run at which ``turns`` holds.
        next_mark: sample of this run at which it is taken for the next.
        turns: cycles gone by, (B, 1) float64; None begins with 0.
    """

    mark: int = 0
    next_mark: int = 0
    turns: Tensor | None = None

    def set(self, turns: Tensor) -> Tensor:
        """Cycles gone by at the samples of a run, (B, S + 1), counted from its start -> in all."""
        if self.turns is not None:
            turns = turns + (self.turns - turns[:, self.mark, None])
        self.turns = turns[:, self.next_mark, None]
        return turns


def at_least_single(x: Tensor) -> Tensor:
    """Half precision as float32, which transforms need; what is wider stays."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def salience(sample_rate: int, window: int) -> Tensor:
    """(PITCHES, window / 2 + 1): compressed spectra times this tell how much repeats at a pitch.

    Rows are cosines, so that the product is the autocorrelation at the period of each pitch.
    """
    bins = torch.arange(window // 2 + 1, dtype=torch.float64)
    period = sample_rate / pitch_hertz(torch.arange(PITCHES, dtype=torch.float64))
    return torch.cos(2 * math.pi * bins * period[:, None] / window).float()


def pitch_hertz(step: Tensor) -> Tensor:
    """Hz at the middle of a step, 0 .. PITCHES - 1, of the logarithmic scale of pitches."""
    return LOWEST * 2 ** ((step + 0.5) / PITCHES * OCTAVES)


def pitch_step(hertz: Tensor) -> Tensor:
    """Inverse of `pitch_hertz`."""
    return (hertz / LOWEST).log2() / OCTAVES * PITCHES - 0.5


class PitchHead(nn.Module):
    """Tells pitch as a distribution: a mean of two likely pitches would be neither.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, 1 + PITCHES)
        self.register_buffer("steps", torch.arange(PITCHES).float(), persistent=False)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T', C) -> log-odds of a tone (B, T') and log-odds of each pitch (B, T', PITCHES)."""
        told = at_least_single(self.project(frames))
        return told[..., 0], told[..., 1:]

    def hertz(self, pitches: Tensor) -> Tensor:
        """Log-odds (B, T', PITCHES) -> Hz (B, T'): the mean about the likeliest."""
        best = pitches.argmax(dim=-1, keepdim=True)
        near = pitches.masked_fill((self.steps - best).abs() > NEAR, float("-inf")).softmax(dim=-1)
        return pitch_hertz((near * self.steps).sum(dim=-1))


class Tone(nn.Module):
    """Pulses of all harmonics at a pitch, seen through the windows of an inverse transform.

    A convolution cannot keep count of a phase: harmonics that it draws by itself drift apart from
    frame to frame and sound like noise. So the count is kept here, as in neural source-filter
    models (arXiv 1904.12088), and the network only shapes the spectrum.

    Args:
        sample_rate: Hz.
        window, hop: samples of the transform; its frames lie in the middle of their hop.
    """

    def __init__(self, sample_rate: int, window: int, hop: int) -> None:
        super().__init__()
        self.sample_rate, self.window, self.hop = sample_rate, window, hop
        self.register_buffer("hann", torch.hann_window(window), persistent=False)

    def forward(self, hertz: Tensor, clock: Clock | None = None) -> Tensor:
        """Pitch (B, T') in Hz -> complex spectra (B, T', window / 2 + 1) of unit-power pulses."""
        spare = (self.window - self.hop) // 2
        wave = nn.functional.pad(self.pulses(hertz, clock), (spare, spare))
        return torch.fft.rfft(wave.unfold(-1, self.window, self.hop) * self.hann)

    def pulses(self, hertz: Tensor, clock: Clock | None = None) -> Tensor:
        """Pitch (B, T') in Hz -> (B, T' hop): the sum of cosines at its multiples."""
        pitch = nn.functional.interpolate(
            hertz[:, None], scale_factor=self.hop, mode="linear"
        )[:, 0]
        turns = nn.functional.pad((pitch.double() / self.sample_rate).cumsum(-1), (1, 0))
        if clock is not None:
            turns = clock.set(turns)
        half = ((turns[:, :-1] % 1.0) * math.pi).to(pitch.dtype)
        count = (HIGHEST_SHARE * self.sample_rate / 2 / pitch).floor()
        sine = torch.sin(half)
        flat = sine.abs() < 1e-4  # at a pulse, where the quotient has its limit
        ratio = torch.sin((2 * count + 1) * half) / (2 * torch.where(flat, 1.0, sine))
        return (torch.where(flat, count + 0.5, ratio) - 0.5) / (count / 2).sqrt()
