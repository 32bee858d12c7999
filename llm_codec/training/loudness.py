"""Difference in loudness as ITU-T P.862 (PESQ) hears it, with gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WINDOW, HOP, BANDS = 512, 256, 49
LEVEL = 10**3.5  # RMS a clip is brought to, in steps of 16 bits
POWER, LOUDNESS = 6.910853e-6, 0.1866055  # scale factors of P.862 at 16 kHz
EXPONENT = 0.23  # Zwicker's power law
# Power at the threshold of hearing, one for each band at 16 kHz (P.862, table of the wide band).
THRESHOLDS = (
    51286152.0, 2454709.5, 70794.59, 4897.789, 1174.898, 389.0452, 104.7129, 45.70882, 17.7828,
    9.772372, 4.897789, 3.090296, 1.905461, 1.258925, 0.977237, 0.724436, 0.562341, 0.457088,
    0.389045, 0.331131, 0.295121, 0.269153, 0.25704, 0.251189, 0.251189, 0.251189, 0.251189,
    0.263027, 0.288403, 0.30903, 0.338844, 0.371535, 0.398107, 0.436516, 0.467735, 0.489779,
    0.501187, 0.501187, 0.512861, 0.524807, 0.524807, 0.524807, 0.512861, 0.47863, 0.42658,
    0.371535, 0.363078, 0.416869, 0.537032,
)  # fmt: skip


class LoudnessLoss(nn.Module):
    """Disturbance of P.862, symmetric and asymmetric, averaged over frames.

    What sounds louder than it should counts more than what is missing. Left out are the alignments
    in time, level and timbre and the norms over syllables, as in PMSQE (Martin-Donas et al. 2018,
    IEEE SPL 25(11), eq. 1-11), and the larger exponent of loudness below 4 Bark. The symmetric
    part weighs 1.43 times what it does in P.862, whose norm has the root of 24 Bark where this has
    that of `BANDS`: so the pocket codec was trained. At 0 there is no difference; PESQ falls about
    as the loss grows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("hann", torch.hann_window(WINDOW), persistent=False)
        self.register_buffer("filters", _bark_bands(), persistent=False)
        thresholds = torch.tensor(THRESHOLDS)
        self.register_buffer("thresholds", thresholds[:, None], persistent=False)

    def forward(self, output: Tensor, wanted: Tensor) -> Tensor:
        """(B, 1, S) at 16 kHz, twice -> ()."""
        gain = LEVEL / wanted.square().mean(dim=-1, keepdim=True).sqrt().clamp_min(1e-4)
        made, meant = self._power(output * gain), self._power(wanted * gain)
        loud, right = self._loudness(made), self._loudness(meant)
        dead = 0.25 * torch.minimum(loud, right)  # differences that are masked
        off = ((loud - right).abs() - dead).clamp_min(0)
        added = ((made + 50) / (meant + 50)) ** 1.2
        added = torch.where(added < 3, 0.0, added.clamp_max(12))
        width = 24 / BANDS
        symmetric = BANDS**0.5 * width * (off.square().sum(dim=1) + 1e-6).sqrt()
        asymmetric = width * (off * added).sum(dim=1)
        weight = ((meant.sum(dim=1) + 1e5) / 1e7) ** 0.04  # loud frames hide a little
        return (0.1 * symmetric / weight + 0.0309 * asymmetric / weight).mean()

    def _power(self, wave: Tensor) -> Tensor:
        """(B, 1, S) -> (B, BANDS, frames)."""
        spectrum = torch.stft(wave[:, 0], WINDOW, HOP, window=self.hann, center=False,
                              return_complex=True)
        return POWER * (self.filters @ (spectrum.real.square() + spectrum.imag.square()))

    def _loudness(self, power: Tensor) -> Tensor:
        """Zwicker loudness of each band (P.862, eq. 4)."""
        over = 0.5 + 0.5 * power / self.thresholds
        base = LOUDNESS * (self.thresholds / 0.5) ** EXPONENT
        return (base * (over**EXPONENT - 1)).clamp_min(0)


def _bark_bands() -> Tensor:
    """(BANDS, WINDOW / 2 + 1): which bins lie in which of equal parts of the Bark scale."""
    hertz = torch.linspace(0, 8000, WINDOW // 2 + 1)
    bark = 26.81 * hertz / (1960 + hertz) - 0.53  # Traunmueller 1990
    place = (bark - bark[0]) / (bark[-1] - bark[0]) * BANDS
    centres = torch.arange(BANDS) + 0.5
    return (1 - (place[None] - centres[:, None]).abs()).clamp_min(0)
