"""Losses that tell a frozen codebook what its scales are for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SEGMENTS = 4  # parts of a clip that are compared with the same part of another
TEMPERATURE = 0.2  # in units of the squared distance per channel


def agreement(latent: Tensor, frames: Tensor) -> Tensor:
    """Two clips of one label should be closer than clips of other labels.

    InfoNCE (arXiv 1807.03748) between clips seen as ``SEGMENTS`` points in time, so that the same
    word spoken faster is still the same path. Ours: few-shot accuracy rests on the same sound
    becoming the same words.

    Args:
        latent: (2 C, D, T_1) pooled latents of the coarsest scale; rows 2i and 2i+1 share a label.
        frames: (2 C,) frames that hold sound, at least 1.

    Returns:
        () nats.
    """
    paths = torch.stack([
        nn.functional.interpolate(row[None, :, : int(count)], SEGMENTS, mode="linear")[0]
        for row, count in zip(latent, frames, strict=True)
    ]).flatten(1)
    distance = torch.cdist(paths, paths).square() / paths.shape[1]
    logits = (-distance / TEMPERATURE).masked_fill(torch.eye(len(paths), dtype=torch.bool,
                                                             device=paths.device), -1e9)
    partner = torch.arange(len(paths), device=paths.device) ^ 1
    return nn.functional.cross_entropy(logits, partner)


def isotropy(latent: Tensor) -> Tensor:
    """Coarse latents should have zero mean and unit covariance, as the words laid over them have.

    The covariance term of VICReg (arXiv 2105.04906, eq. 3-4) with its target on the diagonal too.
    Ours, because agreement alone fills about six directions and leaves most words unused.

    Args:
        latent: (B, D, T_1).

    Returns:
        () mean squared deviation per channel.
    """
    rows = latent.mT.flatten(0, 1)
    excess = torch.cov(rows.T) - torch.eye(rows.shape[1], device=rows.device)
    return (excess.square().sum() + rows.mean(dim=0).square().sum()) / rows.shape[1]
