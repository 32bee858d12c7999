"""Residual quantisation at several time scales, with codebooks that are words of a frozen LLM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from llm_codec.config import CodecConfig

SEARCH_ROWS = 4096  # frames compared with a table at a time: bounds memory, not results
SEARCH_KEYS = 4096  # words compared with at a time
SEARCH_SCORES = 2**24  # scores held at a time: 64 MiB


class FrozenCodebook(nn.Module):
    """Nearest word by its projected embedding.

    A word's vector is ``Linear(E -> D)`` of its frozen LLM embedding (arXiv 2406.10056, §3.3).
    That depends on weights only, so the projected table is stored and the LLM is not needed to
    encode.

    Args:
        size: V, words.
        dim: D, latent width.
        lookup: ``"cosine"`` compares directions and returns the un-normalised vector (released);
            ``"euclidean"`` compares distances (ours).
    """

    def __init__(self, size: int, dim: int, lookup: str) -> None:
        super().__init__()
        self.lookup = lookup
        self.register_buffer("table", torch.randn(size, dim))
        self.register_buffer("keys", torch.empty(0), persistent=False)
        self.register_buffer("offsets", torch.empty(0), persistent=False)
        self.register_load_state_dict_pre_hook(_unshare)
        self.register_load_state_dict_post_hook(_prepare)
        self.prepare()

    def prepare(self) -> None:
        """Derive what the search needs from the table; call after changing the table by hand."""
        self.keys, self.offsets = search_keys(self.table.float(), self.lookup)

    def search(self, latent: Tensor) -> Tensor:
        """Code of the nearest word. (N, D) -> (N,) int64."""
        return nearest(latent.to(self.keys.dtype), self.keys, self.offsets)

    def vectors(self, codes: Tensor) -> Tensor:
        """Projected embeddings. (...) int64 -> (..., D) float32."""
        return self.table[codes].float()


def _unshare(codebook: FrozenCodebook, *_: Any) -> None:
    """Before weights are loaded: a table of its own, which it may have shared (`share`)."""
    codebook.table = codebook.table.clone()


def _prepare(codebook: FrozenCodebook, _: Any) -> None:
    codebook.prepare()


Search = Callable[[FrozenCodebook, Tensor], Tensor]


def search_keys(table: Tensor, lookup: str) -> tuple[Tensor, Tensor]:
    """Keys (V, D) and offsets (V,) such that the nearest word maximises ``x . key - offset``."""
    if lookup == "cosine":
        return nn.functional.normalize(table, dim=-1), table.new_zeros(len(table))
    return table, 0.5 * table.square().sum(dim=-1)


def nearest(latent: Tensor, keys: Tensor, offsets: Tensor) -> Tensor:
    """Index of the best key for each row, in bounded memory. (N, D) -> (N,) int64."""
    if torch.onnx.is_in_onnx_export():  # one graph for every N cannot hold a number of parts
        return (latent @ keys.T - offsets).argmax(dim=-1)
    return torch.cat([_best(part, keys, offsets) for part in latent.split(SEARCH_ROWS)])


def _best(latent: Tensor, keys: Tensor, offsets: Tensor) -> Tensor:
    """`nearest`, keys in turn: scores that stay in a processor's cache are compared there."""
    turns = zip(keys.split(SEARCH_KEYS), offsets.split(SEARCH_KEYS), strict=True)
    found = [(latent @ part.T).sub_(offset).max(dim=-1) for part, offset in turns]
    if len(found) == 1:
        return found[0].indices
    turn = torch.stack([best.values for best in found]).argmax(dim=0)
    index = torch.stack([best.indices for best in found]).gather(0, turn[None])[0]
    return index + SEARCH_KEYS * turn


def nearest_and_lead(latent: Tensor, keys: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """`nearest`, and by how much each is better than the second best. (N, D) -> twice (N,)."""
    found, leads = [], []
    for part in _parts(latent, keys):
        scores = (part @ keys.T).sub_(offsets)
        best, index = scores.max(dim=-1, keepdim=True)
        second = scores.scatter_(1, index, -torch.inf).amax(dim=-1, keepdim=True)
        found.append(index)
        leads.append(best - second)
    return torch.cat(found)[:, 0], torch.cat(leads)[:, 0]


def _parts(latent: Tensor, keys: Tensor) -> tuple[Tensor, ...]:
    """Rows (N, D) in parts small enough to be compared with every key at once."""
    return latent.split(max(1, min(SEARCH_ROWS, SEARCH_SCORES // len(keys))))


@dataclass(frozen=True)
class Quantized:
    """What quantising a latent gives.

    Args:
        latent: (B, D, T) sum of all scales at full rate.
        codes: K int64 tensors (B, T_k).
    """

    latent: Tensor
    codes: list[Tensor]


class MultiScaleQuantizer(nn.Module):
    """Coarse to fine: pool the residual, look up words, repeat to full rate, subtract.

    Args:
        config: ``vq_strides``, ``codebook_sizes``, ``latent_dim`` and ``lookup`` are used.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.strides = config.vq_strides
        self.codebooks = nn.ModuleList(
            FrozenCodebook(size, config.latent_dim, config.lookup) for size in config.codebook_sizes
        )

    def prepare(self) -> None:
        """Derive every codebook's search keys from its table."""
        for codebook in self.codebooks:
            codebook.prepare()

    def share(self) -> None:
        """Let scales with equal tables hold one table. For a codec whose tables are final."""
        for number, codebook in enumerate(self.codebooks):
            for other in self.codebooks[:number]:
                if codebook.lookup == other.lookup and torch.equal(codebook.table, other.table):
                    codebook.table, codebook.keys = other.table, other.keys
                    codebook.offsets = other.offsets

    def forward(
        self, latent: Tensor, scales: int | None = None, search: Search = FrozenCodebook.search
    ) -> Quantized:
        """Quantise (B, D, T) with the leading scales; T must be a multiple of every stride.

        ``search`` finds the codes (B T_k,) of a codebook for rows (B T_k, D), item after item.
        """
        residual, total, codes = latent, torch.zeros_like(latent), []
        for stride, codebook in [*zip(self.strides, self.codebooks, strict=True)][:scales]:
            pooled = pool(residual, stride)
            found = search(codebook, pooled.mT.flatten(0, 1))
            found = found.view(pooled.shape[0], pooled.shape[2])
            words = repeat(codebook.vectors(found).mT, stride)
            residual, total = residual - words, total + words
            codes.append(found)
        return Quantized(total, codes)

    def decode(self, codes: Sequence[Tensor]) -> Tensor:
        """Sum of the words' vectors at full rate. Leading scales (B, T_k) -> (B, D, T)."""
        parts = [  # not strict: there may be codes of fewer scales than codebooks
            repeat(codebook.vectors(scale).mT, stride)
            for codebook, scale, stride in zip(self.codebooks, codes, self.strides)
        ]
        return torch.stack(parts).sum(dim=0)


def pool(x: Tensor, stride: int) -> Tensor:
    """Mean over ``stride`` frames. (B, D, T) -> (B, D, T / stride)."""
    return x if stride == 1 else nn.functional.avg_pool1d(x, stride)


def repeat(x: Tensor, stride: int) -> Tensor:
    """Each frame ``stride`` times. (B, D, T_k) -> (B, D, T_k stride)."""
    return x if stride == 1 else x.repeat_interleave(stride, dim=-1)
