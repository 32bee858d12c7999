"""Log-mel frames."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class LogMel(nn.Module):
    """Log-mel frames without look-ahead trickery: S samples give exactly S / hop frames.

    Args:
        sample_rate: Hz.
        window: samples in a Hann window.
        hop: samples between frames; S must be a multiple.
        bands: mel bands between 0 Hz and half the sample rate.
    """

    def __init__(self, sample_rate: int, window: int, hop: int, bands: int) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        self.register_buffer("hann", torch.hann_window(window), persistent=False)
        filters = mel_filters(sample_rate, window // 2 + 1, bands)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, 1, S) -> (B, bands, S / hop), natural log of magnitude, floored at -9."""
        return self.log(self.filters @ self.magnitude(waveform))

    def magnitude(self, waveform: Tensor) -> Tensor:
        """(B, 1, S) -> (B, window / 2 + 1, S / hop)."""
        return self.spectrum(waveform).abs().clamp_min(1e-7)

    @staticmethod
    def log(magnitude: Tensor) -> Tensor:
        """Natural log, floored at -9."""
        return magnitude.clamp_min(1e-4).log()

    def spectrum(self, waveform: Tensor) -> Tensor:
        """(B, 1, S) -> complex (B, window / 2 + 1, S / hop)."""
        spare = self.window - self.hop
        padded = nn.functional.pad(
            waveform[:, 0].to(self.hann.dtype), (spare // 2, spare - spare // 2)
        )
        return torch.stft(padded, self.window, self.hop, window=self.hann, center=False,
                          return_complex=True)


def mel_filters(sample_rate: int, bins: int, bands: int) -> Tensor:
    """Triangular filters on the HTK mel scale, (bands, bins), each of unit sum."""

    def to_mel(hertz: float) -> float:
        return 2595 * math.log10(1 + hertz / 700)

    mels = torch.linspace(0, to_mel(sample_rate / 2), bands + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bin_hertz = torch.linspace(0, sample_rate / 2, bins)
    rising = (bin_hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bin_hertz) / (edges[2:] - edges[1:-1])[:, None]
    filters = torch.minimum(rising, falling).clamp_min(0)
    nearest = (edges[1:-1, None] - bin_hertz).abs().argmin(dim=1)  # narrow bands hold no bin
    empty = filters.sum(dim=1) == 0
    filters[empty, nearest[empty]] = 1.0
    return filters / filters.sum(dim=1, keepdim=True)
