"""Adversarial training: discriminators that hear whether audio came out of the codec."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

LEARNING_RATE, BETAS, CLIP = 1e-4, (0.8, 0.99), 10.0  # of the Descript Audio Codec


class Adversary(nn.Module):
    """Discriminators with an optimiser of their own.

    Least-squares losses (arXiv 1611.04076, eq. 9; HiFi-GAN, arXiv 2010.05646, eq. 1, 2 and 4),
    summed over the discriminators D_k as there and in the Descript Audio Codec, for true audio
    x and the codec's y::

        L_D   = sum_k E[(D_k(x) - 1)^2 + D_k(y)^2]
        L_adv = sum_k E[(D_k(y) - 1)^2]
        L_fm  = sum_k sum_i E[|D_k^i(x) - D_k^i(y)|]        D_k^i: feature map i, not the score

    The two sides never move each other: the discriminators learn from audio without a graph, the
    codec from discriminators whose weights take no gradient and from true features without one.

    Args:
        discriminator: audio (B, 1, S) -> a list of feature maps for each D_k, its score last.

    Attributes:
        optimizer: AdamW over the discriminators; its state belongs in the checkpoint.
    """

    def __init__(self, discriminator: nn.Module) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.optimizer = torch.optim.AdamW(
            discriminator.parameters(), lr=LEARNING_RATE, betas=BETAS
        )

    def update(self, output: Tensor, wanted: Tensor) -> Tensor:
        """One step of the discriminators on the codec's audio and the true audio, (B, 1, S).

        Returns:
            () L_D before the step, without a graph.
        """
        self.discriminator.requires_grad_(True)
        self.optimizer.zero_grad(set_to_none=True)
        loss = sum(
            fake[-1].square().mean() + (1 - true[-1]).square().mean()
            for fake, true in self._hear(output.detach(), wanted)
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.discriminator.parameters(), CLIP)
        self.optimizer.step()
        return loss.detach()

    def forward(self, output: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """(B, 1, S) twice -> ``adversarial`` and ``features``, L_adv and L_fm, each ()."""
        self.discriminator.requires_grad_(False)
        with torch.no_grad():
            heard = self.discriminator(wanted)
        pairs = list(zip(self.discriminator(output), heard, strict=True))
        adversarial = sum((1 - fake[-1]).square().mean() for fake, _ in pairs)
        features = sum(
            (ours - theirs).abs().mean()
            for fake, true in pairs
            for ours, theirs in zip(fake[:-1], true[:-1], strict=True)
        )
        return {"adversarial": adversarial, "features": features}

    def _hear(self, output: Tensor, wanted: Tensor) -> list[tuple[list[Tensor], list[Tensor]]]:
        """Feature maps of both, discriminator by discriminator."""
        return list(zip(self.discriminator(output), self.discriminator(wanted), strict=True))


def build_discriminator(sample_rate: int, **shape: Any) -> nn.Module:
    """Multi-period and multi-resolution discriminators of the Descript Audio Codec.

    Args:
        sample_rate: Hz.
        shape: ``periods``, ``fft_sizes``, ``rates`` or ``bands``; see
            ``dac.model.discriminator.Discriminator``. Fewer of them are cheaper on a CPU.

    Raises:
        ImportError: descript-audio-codec is missing or does not load; says what to install.
    """
    try:
        from dac.model.discriminator import Discriminator  # an extra, and heavy
    except (ImportError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ImportError(
            "adversarial losses need descript-audio-codec, which loads beside torch below 2.12 "
            f"only ({reason}): pip install 'llm-codec[adversary]', or give the losses "
            "adversarial and features weight 0"
        ) from error
    return Discriminator(sample_rate=sample_rate, **shape)
