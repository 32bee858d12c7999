"""Adversarial training: discriminators that hear whether audio came out of the codec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from llm_codec.run import check_finite
from llm_codec.training.term import Setting, Step, Term

LEARNING_RATE, BETAS, CLIP = 1e-4, (0.8, 0.99), 10.0  # of the Descript Audio Codec


class Adversary(Term):
    """Discriminators with an optimiser of their own, and what they ask of the codec.

    Least-squares losses (arXiv 1611.04076, eq. 9; HiFi-GAN, arXiv 2010.05646, eq. 1, 2 and 4),
    summed over the discriminators D_k as there and in the Descript Audio Codec, for true audio
    x and the codec's y::

        L_D         = sum_k E[(D_k(x) - 1)^2 + D_k(y)^2]
        adversarial = sum_k E[(D_k(y) - 1)^2]
        features    = sum_k sum_i E[|D_k^i(x) - D_k^i(y)|]     D_k^i: feature map i, not the score

    The two sides never move each other: the discriminators learn from audio without a graph, the
    codec from discriminators whose weights take no gradient. Before the start neither learns.

    Args:
        discriminator: audio (B, 1, S) -> a list of feature maps for each D_k, its score last.
        start: first step at which it is heard.
    """

    losses = ("adversarial", "features")

    def __init__(self, discriminator: nn.Module, start: int = 0) -> None:
        super().__init__()
        self.discriminator, self.start = discriminator.requires_grad_(False), start
        self.optimizer = torch.optim.AdamW(
            discriminator.parameters(), lr=LEARNING_RATE, betas=BETAS
        )

    @classmethod
    def build(
        cls, setting: Setting, start: int = 0, periods: Sequence[int] = (2, 3, 5, 7, 11),
        fft_sizes: Sequence[int] = (2048, 1024, 512),
    ) -> Adversary:
        """The Descript Audio Codec's own; fewer ``periods`` and ``fft_sizes`` cost less."""
        return cls(build_discriminator(setting.shape.sample_rate, periods, fft_sizes), start)

    def forward(self, step: Step) -> dict[str, Tensor]:
        if step.number < self.start:
            return {}
        with torch.no_grad():
            heard = self.discriminator(step.waves)
        pairs = list(zip(self.discriminator(step.output), heard, strict=True))
        adversarial = sum((1 - fake[-1]).square().mean() for fake, _ in pairs)
        features = sum(
            (ours - theirs).abs().mean()
            for fake, true in pairs
            for ours, theirs in zip(fake[:-1], true[:-1], strict=True)
        )
        return {"adversarial": adversarial, "features": features}

    def learn(self, step: Step, accelerator: Any) -> dict[str, float]:
        """One step of the discriminators; ``discriminator`` in the log is L_D before it."""
        if step.number < self.start:
            return {}
        self.discriminator.requires_grad_(True)
        pairs = zip(self.discriminator(step.output.detach()), self.discriminator(step.waves),
                    strict=True)
        loss = sum(fake[-1].square().mean() + (1 - true[-1]).square().mean()
                   for fake, true in pairs)
        loss.backward()
        for weight in self.discriminator.parameters():
            weight.grad = accelerator.reduce(weight.grad, "mean")
        norm = torch.nn.utils.clip_grad_norm_(self.discriminator.parameters(), CLIP)
        check_finite(norm, step.number, {"discriminator": loss.item()})
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)  # nothing left where the codec's are clipped
        self.discriminator.requires_grad_(False)
        return {"discriminator": loss.item()}

    def get_extra_state(self) -> dict[str, Any]:
        """The optimiser's state, which a module's state dict has no place for."""
        return self.optimizer.state_dict()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take up what `get_extra_state` gave."""
        self.optimizer.load_state_dict(state)


def build_discriminator(
    sample_rate: int, periods: Sequence[int], fft_sizes: Sequence[int]
) -> nn.Module:
    """Multi-period and multi-resolution discriminators of the Descript Audio Codec.

    Args:
        sample_rate: Hz.
        periods: of each multi-period discriminator, in samples.
        fft_sizes: window of each multi-resolution discriminator, in samples.

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
    return Discriminator(
        periods=list(periods), fft_sizes=list(fft_sizes), sample_rate=sample_rate
    )
