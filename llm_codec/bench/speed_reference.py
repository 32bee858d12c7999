"""The codec of the released size, with its tables kept and with its tables projected anew.

The released program projects the whole frozen table of every scale, E -> D, whatever the length of
the clip: twice to encode, for the search and again to look up what was found, and once to decode.
That depends on weights alone, so this project does it once, when a codec is made
(`FrozenCodebook`). Here both run on the same random weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from llm_codec import CodecConfig, LLMCodec
from llm_codec.quantizer import Quantized, nearest, pool, repeat, search_keys


class UncachedQuantizer(nn.Module):
    """What `MultiScaleQuantizer` does, from the LLM's own tables, as the released program does it.

    Args:
        config: strides, sizes, widths and lookup.
        tables: frozen embeddings (V_k, E) of each scale.
    """

    def __init__(self, config: CodecConfig, tables: Sequence[Tensor]) -> None:
        super().__init__()
        self.strides, self.lookup, self.tables = config.vq_strides, config.lookup, tables
        self.projections = nn.ModuleList(
            nn.Linear(config.embedding_dim, config.latent_dim) for _ in tables
        )

    def project(self, scale: int) -> Tensor:
        """Every word's vector, (V_k, D)."""
        return self.projections[scale](self.tables[scale])

    def forward(self, latent: Tensor, scales: int | None = None) -> Quantized:
        """(B, D, T) -> what `MultiScaleQuantizer` gives."""
        residual, total, codes = latent, torch.zeros_like(latent), []
        for scale, stride in [*enumerate(self.strides)][:scales]:
            keys = search_keys(self.project(scale), self.lookup)
            pooled = pool(residual, stride).mT
            codes.append(nearest(pooled.flatten(0, 1), *keys).view(pooled.shape[:2]))
            words = self.look_up(scale, codes[-1])
            residual, total = residual - words, total + words
        return Quantized(total, codes)

    def decode(self, codes: Sequence[Tensor]) -> Tensor:
        """Codes (B, T_k) -> (B, D, T)."""
        return sum(self.look_up(scale, words) for scale, words in enumerate(codes))

    def look_up(self, scale: int, words: Tensor) -> Tensor:
        """Codes (B, T_k) of one scale -> (B, D, T)."""
        return repeat(self.project(scale)[words].mT, self.strides[scale])


class Pair:
    """A cached and an uncached codec of the same weights.

    Args:
        config: shape; the released one by default.
        seed: of the weights. Tables of equal size are one, as in the released codec, where both
            fast scales have that of the LLM.
    """

    def __init__(self, config: CodecConfig, seed: int) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            tables = {size: torch.randn(size, config.embedding_dim) * 0.02
                      for size in sorted(set(config.codebook_sizes))}
            self.cached = LLMCodec(config).eval().requires_grad_(False)
            quantizer = UncachedQuantizer(config, [tables[size] for size in config.codebook_sizes])
        for name, weight in self.cached.encoder.named_parameters():
            if name.endswith("bias"):  # random ones would be all that random layers let through
                weight.zero_()
        self.uncached = quantizer.eval().requires_grad_(False)
        for scale, codebook in enumerate(self.cached.quantizer.codebooks):
            codebook.table = self.uncached.project(scale)
            codebook.prepare()

    def encoders(self, waveform: Tensor) -> dict[str, Callable[[], list[Tensor]]]:
        """Encoding of (B, 1, S), whole blocks, by each of the two."""
        latent = self.cached.latent
        return {
            "cached": lambda: self.cached.quantizer(latent(waveform)).codes,
            "uncached": lambda: self.uncached(latent(waveform)).codes,
        }

    def decoders(self, codes: Sequence[Tensor]) -> dict[str, Callable[[], Tensor]]:
        """Decoding of codes (B, T_k) by each of the two, without noise."""
        decoder = self.cached.decoder
        return {
            "cached": lambda: decoder(self.cached.quantizer.decode(codes)),
            "uncached": lambda: decoder(self.uncached.decode(codes)),
        }


def check_same(results: dict[str, list[Tensor]]) -> list[Tensor]:
    """The codes that both gave.

    Raises:
        ValueError: they differ, so that there is nothing to compare.
    """
    cached, uncached = results["cached"], results["uncached"]
    if not all(torch.equal(a, b) for a, b in zip(cached, uncached, strict=True)):
        raise ValueError("codes with cached tables differ from those of tables projected anew")
    return cached


def operations(work: Callable[[], object]) -> int:
    """Floating point operations of matrix products, convolutions and attention; a multiplication
    and the addition after it are two. What is done one by one to each value is not counted."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()
