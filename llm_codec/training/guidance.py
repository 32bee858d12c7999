"""Losses that tell a frozen codebook what its scales are for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

SEGMENTS = 4  # parts of a clip that are compared with the same part of another
TEMPERATURE = 0.2  # in units of the squared distance per channel
REACH = 0.35  # of a word, in units of the latents' spread: about half the way to the next one


def agreement(latent: Tensor, frames: Tensor, whole: Tensor) -> Tensor:
    """Two clips of one label should be closer than clips of other labels.

    InfoNCE (arXiv 1807.03748) between clips seen as ``SEGMENTS`` points in time, so that the same
    word spoken faster is still the same path. Ours: few-shot accuracy rests on the same sound
    becoming the same words. With z_i the path of clip i, of n numbers, and i' its partner::

        agreement = -1/2C sum_i log softmax_{j != i}(-|z_i - z_j|^2 / (n TEMPERATURE))[i']

    Args:
        latent: (2 C, D, T_1) pooled latents of the coarsest scale; rows 2i and 2i+1 share a label.
        frames: (2 C,) frames that hold sound, at least 1.
        whole: (2 C,) bool, clips whose mean over time is compared: a mood is heard in any words.

    Returns:
        () nats.
    """
    paths = torch.stack([
        nn.functional.interpolate(row[None, :, : int(count)], SEGMENTS, mode="linear")[0]
        for row, count in zip(latent, frames, strict=True)
    ])
    whole = whole.to(paths.device)[:, None, None]
    paths = torch.where(whole, paths.mean(dim=2, keepdim=True), paths).flatten(1)
    distance = torch.cdist(paths, paths).square() / paths.shape[1]
    logits = (-distance / TEMPERATURE).masked_fill(torch.eye(len(paths), dtype=torch.bool,
                                                             device=paths.device), -1e9)
    partner = torch.arange(len(paths), device=paths.device) ^ 1
    return nn.functional.cross_entropy(logits, partner)


def disturb(waves: Tensor, seed: int) -> Tensor:
    """Clips (B, 1, S) with white noise, each 15 to 35 dB below its clip; the same for a seed."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(waves.shape, generator=generator).to(waves)
    below = torch.empty(len(waves), 1, 1).uniform_(15, 35, generator=generator).to(waves)
    loudness = waves.square().mean(dim=-1, keepdim=True).sqrt()
    return waves + noise * loudness * 10 ** (-below / 20)


def steadiness(views: Sequence[Tensor], words: Tensor, table: Tensor) -> Tensor:
    """Every view of a clip should be nearest to the word that the clip itself gets, by a margin.

    Cross-entropy over all words, their probabilities falling off with the squared distance (ours:
    the mean squared error alone is small long before the nearest word is the same). With x a view
    and w the words::

        steadiness = -mean log softmax_v(-|x - w_v|^2 / (2 REACH^2))[the clip's own word]

    Args:
        views: of pooled latents, each (N, D).
        words: (N,) int64, rows of ``table``.
        table: (V, D).

    Returns:
        () nats.
    """
    near = [-torch.cdist(view, table).square() / (2 * REACH**2) for view in views]
    return torch.stack([nn.functional.cross_entropy(logits, words) for logits in near]).mean()


def isotropy(latent: Tensor) -> Tensor:
    """Coarse latents should have zero mean and unit covariance, as the words laid over them have.

    The covariance term of VICReg (arXiv 2105.04906, eq. 3-4) with its target on the diagonal too.
    Ours, because agreement alone fills about six directions and leaves most words unused. With m
    the mean and C the covariance of the latents::

        isotropy = (||C - I||_F^2 + |m|^2) / D

    Args:
        latent: (B, D, T_1).

    Returns:
        () mean squared deviation per channel.
    """
    rows = latent.mT.flatten(0, 1)
    excess = torch.cov(rows.T) - torch.eye(rows.shape[1], device=rows.device)
    return (excess.square().sum() + rows.mean(dim=0).square().sum()) / rows.shape[1]
