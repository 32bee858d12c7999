"""Consistency guidance: the coarse scales should tell how a clip sounds over time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from llm_codec.config import FRAMES_PER_LATENT
from llm_codec.mel import LogMel
from llm_codec.spectral import MEL_BANDS, MEL_WINDOW
from llm_codec.training.frozen import Frozen
from llm_codec.training.term import Setting, Step, Term
from llm_codec.training.whisper import WhisperFeatures

HALF = 2  # frames at full rate in one that is told


class Consistency(Term):
    """The two coarse scales together should tell features h of the audio at half rate.

    arXiv 2406.10056, §3.4: the L1 distance between the second quantiser's output, at half rate,
    and Whisper's encoder features, resampled to it. Here of both coarse scales z_1 + z_2, through
    a learned convolution, as widths differ; h is as published, or the log-mel spectrum smoothed
    over the same 60 ms where no Whisper is at hand (ours)::

        consistency = mean |conv(mean_2(z_1 + z_2)) - h|

    Args:
        dim: D.
        width: channels of h.
        hear: waves (B, 1, S) and a number of frames -> h (B, width, frames).
    """

    losses, needs_words = ("consistency",), True

    def __init__(self, dim: int, width: int, hear: Callable[[Tensor, int], Tensor]) -> None:
        super().__init__()
        self.predict = nn.Conv1d(dim, width, 3, padding=1)
        self.hear = hear

    @classmethod
    def build(cls, setting: Setting, whisper: str = "") -> Consistency:
        """``whisper`` names one, folder or hub; empty takes the smoothed log-mel spectrum."""
        shape = setting.shape
        if not whisper:
            mel = SmoothMel(shape.sample_rate, shape.hop_length // FRAMES_PER_LATENT)
            return cls(shape.latent_dim, MEL_BANDS, mel)
        samples = setting.config.crop_samples(shape)
        heard = WhisperFeatures(whisper, samples, shape.sample_rate)
        return cls(shape.latent_dim, heard.width, heard)

    def forward(self, step: Step) -> dict[str, Tensor]:
        coarse = nn.functional.avg_pool1d(sum(step.looked.parts[:2]), HALF)
        heard = self.hear(step.waves, coarse.shape[2])
        return {"consistency": (self.predict(coarse) - heard).abs().mean()}


class SmoothMel:
    """The log-mel spectrum at a lower rate.

    Args:
        sample_rate: Hz.
        hop: samples between frames of the spectrum.
    """

    def __init__(self, sample_rate: int, hop: int) -> None:
        self._mel = Frozen(LogMel(sample_rate, MEL_WINDOW, hop, MEL_BANDS))

    @torch.no_grad()
    def __call__(self, waves: Tensor, frames: int) -> Tensor:
        """(B, 1, S) -> (B, bands, frames) float32, means over time."""
        return nn.functional.adaptive_avg_pool1d(self._mel.on(waves.device)(waves), frames)
