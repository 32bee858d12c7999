"""Codebooks while they are trained: the words' embeddings stay, their projection moves."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from vector_quantize_pytorch.vector_quantize_pytorch import rotate_to

from llm_codec.quantizer import MultiScaleQuantizer, Quantized, nearest, pool, repeat, search_keys


class ProjectedCodebook(nn.Module):
    """Frozen embeddings behind a linear map.

    Args:
        embeddings: (V, E) frozen rows of the LLM's embedding table; never trained, never saved.
        dim: D, latent width.
        core: if not 0, the words are laid by `fit_core` on that many channels and stay there; the
            other channels are left to finer scales. Else the map is trained.
    """

    def __init__(self, embeddings: Tensor, dim: int, core: int = 0) -> None:
        super().__init__()
        self.register_buffer("embeddings", embeddings.detach().float().clone(), persistent=False)
        self.projection = nn.Linear(embeddings.shape[1], dim).requires_grad_(not core)
        self.core = core

    def table(self) -> Tensor:
        """Projected words, (V, D)."""
        return self.projection(self.embeddings)

    def covered(self, latent: Tensor) -> Tensor:
        """Latents (N, D) with the channels that no word covers set to zero."""
        if not self.core:
            return latent
        return nn.functional.pad(latent[:, : self.core], (0, latent.shape[1] - self.core))

    @torch.no_grad()
    def fit(self, latent: Tensor) -> None:
        """Give the table the mean and covariance of latents (N, D).

        The words' principal directions are laid along the latents', strongest on strongest. A
        random map leaves most words far from every latent, and they are never used again.
        """
        words, latents = _Gaussian(self.embeddings), _Gaussian(latent)
        rank = min(words.rank, latents.rank)
        weight = (latents.directions[:rank].T * latents.spread[:rank]) @ (
            words.directions[:rank] / words.spread[:rank, None]
        )
        self.projection.weight.copy_(weight)
        self.projection.bias.copy_(latents.mean - weight @ words.mean)

    @torch.no_grad()
    def adopt(self, table: Tensor) -> None:
        """Take the map that gives a table (V, D) of these words.

        Raises:
            ValueError: no linear map of the embeddings gives it, so it is of other words.
        """
        ones = torch.ones(len(self.embeddings), 1, dtype=torch.float64)
        given = torch.cat([self.embeddings.double().cpu(), ones], dim=1)
        wanted = table.double().cpu()
        if len(wanted) != len(given):
            raise ValueError(f"the start has {len(wanted)} words, the recipe {len(given)}")
        found = torch.linalg.lstsq(given, wanted, driver="gelsd").solution
        left = (given @ found - wanted).square().mean() / wanted.var()
        if left > 1e-3:  # half precision leaves far less
            raise ValueError("the start's words are not those of the recipe, or of another LLM")
        self.projection.weight.copy_(found[:-1].T)
        self.projection.bias.copy_(found[-1])

    @torch.no_grad()
    def fit_core(self, latent: Tensor) -> None:
        """Lay the words' leading principal directions, each of equal spread, on the core channels.

        Distances between words in those channels are then distances in the LLM's own space, which
        is where its few-shot matching takes place (ours).

        Args:
            latent: (N, core) latents whose mean and overall spread the words get.
        """
        words = _Gaussian(self.embeddings)
        weight = latent.std() * words.directions[: self.core] / words.spread[: self.core, None]
        self.projection.weight.zero_()
        self.projection.bias.zero_()
        self.projection.weight[: self.core] = weight
        self.projection.bias[: self.core] = latent.mean(dim=0) - weight @ words.mean


class _Gaussian:
    """Mean, principal directions and standard deviations of rows (N, D)."""

    def __init__(self, rows: Tensor) -> None:
        self.mean = rows.mean(dim=0)
        centred = rows - self.mean
        _, singular, self.directions = torch.linalg.svd(centred, full_matrices=False)
        self.spread = (singular / len(rows) ** 0.5).clamp_min(1e-4)
        self.rank = len(singular)


@dataclass(frozen=True)
class Looked:
    """What a lookup in training found.

    Args:
        quantized: sum of all scales, and the codes.
        parts: K tensors (B, D, T), each scale at full rate, with gradients to the latent.
        commitment: () draws latents to words with weight 0.25 and words to latents with weight 1.
        residuals: K tensors (B, T_k, D), what each scale looked up.
        tables: K tensors (V_k, D), where.
    """

    quantized: Quantized
    parts: list[Tensor]
    commitment: Tensor
    residuals: list[Tensor]
    tables: list[Tensor]


class TrainingQuantizer(nn.Module):
    """`MultiScaleQuantizer` with projections that learn.

    Gradients pass the lookup by the rotation trick (arXiv 2410.06424).

    Args:
        codebooks: coarse to fine.
        strides: pooling of each.
        lookup: as in `FrozenCodebook`.
    """

    def __init__(
        self, codebooks: list[ProjectedCodebook], strides: tuple[int, ...], lookup: str
    ) -> None:
        super().__init__()
        self.codebooks = nn.ModuleList(codebooks)
        self.strides, self.lookup = strides, lookup

    def forward(self, latent: Tensor) -> Looked:
        """Quantise (B, D, T); T must be a multiple of every stride."""
        residual, commitment = latent, latent.new_zeros(())
        parts, codes, residuals, tables = [], [], [], []
        for stride, codebook in zip(self.strides, self.codebooks, strict=True):
            pooled = codebook.covered(pool(residual, stride).mT.flatten(0, 1))
            table = codebook.table()
            with torch.no_grad():
                found = nearest(pooled, *search_keys(table, self.lookup))
            words = table[found]
            commitment = commitment + 0.25 * (pooled - words.detach()).square().mean()
            if codebook.projection.weight.requires_grad:
                commitment = commitment + (pooled.detach() - words).square().mean()
            passed = rotate_to(pooled, words.detach())
            parts.append(repeat(_rows(passed, latent).mT, stride))
            residual = residual - repeat(_rows(words.detach(), latent).mT, stride)
            codes.append(_rows(found, latent))
            residuals.append(_rows(pooled, latent))
            tables.append(table)
        quantized = Quantized(torch.stack(parts).sum(dim=0), codes)
        return Looked(quantized, parts, commitment, residuals, tables)

    @torch.no_grad()
    def bake(self, target: MultiScaleQuantizer) -> None:
        """Write the projected tables, in half precision, where inference reads them."""
        for codebook, frozen in zip(self.codebooks, target.codebooks, strict=True):
            frozen.table = codebook.table().half().float()
        target.prepare()


def _rows(flat: Tensor, latent: Tensor) -> Tensor:
    """(B N, ...) -> (B, N, ...) of a batch."""
    return flat.unflatten(0, (len(latent), -1))
