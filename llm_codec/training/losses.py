"""Reconstruction losses over several time-frequency resolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from llm_codec.mel import LogMel

MEL_SCALES = ((256, 40), (512, 64), (1024, 80), (2048, 128))  # (window in samples, bands)


class ReconstructionLoss(nn.Module):
    """Log-mel L1 (as in the Descript Audio Codec) plus spectral convergence and log magnitude
    (arXiv 1910.11480, eq. 4-6), each averaged over its resolutions r.

    With S_r the magnitudes of a batch's short-time spectra and M_r mel bands of them, y what comes
    out and x what is wanted::

        mel  = mean_r mean |log M_r(y) - log M_r(x)|
        stft = mean_r (||S_r(y) - S_r(x)||_F / ||S_r(x)||_F + mean |log S_r(y) - log S_r(x)|)

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.mels = nn.ModuleList(LogMel(sample_rate, w, w // 4, bands) for w, bands in MEL_SCALES)

    def forward(self, output: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """(B, 1, S) twice -> ``mel`` and ``stft``, each (); S under a window is padded to it."""
        missing = max(0, max(MEL_SCALES)[0] - wanted.shape[-1])
        output, wanted = (nn.functional.pad(wave, (0, missing)) for wave in (output, wanted))
        pairs = [(mel, mel.spectrum(output).abs(), mel.spectrum(wanted).abs()) for mel in self.mels]
        mel = sum(_log_distance(m.filters @ a, m.filters @ b) for m, a, b in pairs)
        stft = sum(_convergence(a, b) + _log_distance(a, b) for _, a, b in pairs)
        return {"mel": mel / len(pairs), "stft": stft / len(pairs)}


def _log_distance(a: Tensor, b: Tensor) -> Tensor:
    return (a.clamp_min(1e-3).log() - b.clamp_min(1e-3).log()).abs().mean()


def _convergence(a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b).clamp_min(1e-3)
