"""Shape of a codec: every number that is not a weight, and the units that follow from it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

FRAMES_PER_LATENT = 2  # mel frames the spectral encoder reads for one latent frame
STEPS_PER_LATENT = 3  # spectra the spectral decoder writes for one latent frame


@dataclass(frozen=True)
class CodecConfig:
    """Everything needed to build an `LLMCodec`; saved as ``config.json`` beside the weights.

    The defaults are the released LLM-Codec (arXiv 2406.10056, Appendix B and its public config).

    Args:
        sample_rate: Hz.
        encoder, decoder: ``"waveform"`` is the released layout; ``"spectral"`` is ours, cheaper
            on a CPU by more than an order of magnitude.
        encoder_dim: channels after the first convolution of the waveform encoder; doubled by each
            block.
        encoder_rates: strides of the waveform encoder; their product is the hop.
        decoder_dim: channels at the entry of the waveform decoder; halved by each block.
        decoder_rates: strides of the waveform decoder.
        encoder_width, encoder_depth: channels and blocks of the spectral encoder.
        coarse_dim: channels of the latent, the first ones, that a branch of the spectral encoder
            tells from the loud parts of the spectrum alone (`CoarseEncoder`); 0 for no branch.
        coarse_width, coarse_depth: channels and blocks of that branch.
        decoder_width, decoder_depth: channels and blocks at frame rate of the spectral decoder.
        head_width, head_depth: channels and blocks of the spectral decoder after its upsampling.
        latent_dim: D, width of the latent.
        attention_window: frames in one non-overlapping attention window.
        attention_head_dim: channels of one attention head.
        vq_strides: average pooling of each scale, coarse to fine.
        codebook_sizes: V_k, words of each scale.
        embedding_dim: E, width of the frozen LLM's embeddings.
        lookup: ``"cosine"`` (released) or ``"euclidean"`` (ours; see `FrozenCodebook`).
        latent_norm: LayerNorm without parameters on the latent, so that its mean is no code's
            business (ours: latents with a large common mean make the lookup collapse). What the
            coarse branch tells is left as it is.
        noise: noise blocks in the waveform decoder (released layout).
        level_db: RMS level in dBFS a clip is brought to before encoding; the gain travels in
            `Codes`. None (released layout) leaves the level alone.

    Raises:
        ValueError: a value is out of range or two values do not fit one another.
    """

    sample_rate: int = 16000
    encoder: str = "waveform"
    decoder: str = "waveform"
    encoder_dim: int = 32
    encoder_rates: tuple[int, ...] = (3, 4, 5, 8)
    decoder_dim: int = 1536
    decoder_rates: tuple[int, ...] = (8, 5, 4, 3)
    encoder_width: int = 256
    encoder_depth: int = 4
    coarse_dim: int = 0
    coarse_width: int = 128
    coarse_depth: int = 3
    decoder_width: int = 384
    decoder_depth: int = 4
    head_width: int = 256
    head_depth: int = 3
    latent_dim: int = 512
    attention_window: int = 8
    attention_head_dim: int = 64
    vq_strides: tuple[int, ...] = (4, 2, 1)
    codebook_sizes: tuple[int, ...] = (3248, 32000, 32000)
    embedding_dim: int = 4096
    lookup: str = "cosine"
    latent_norm: bool = False
    noise: bool = True
    level_db: float | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # JSON has no tuples
            value = getattr(self, field.name)
            if isinstance(value, list):
                object.__setattr__(self, field.name, tuple(value))
        _expect(self.encoder in ("waveform", "spectral"), "encoder", self.encoder)
        _expect(self.decoder in ("waveform", "spectral"), "decoder", self.decoder)
        _expect(self.lookup in ("cosine", "euclidean"), "lookup", self.lookup)
        _expect(min(self.codebook_sizes, default=0) > 0, "codebook_sizes", self.codebook_sizes)
        _expect(min(self.vq_strides, default=0) > 0, "vq_strides", self.vq_strides)
        for name in ("sample_rate", "latent_dim", "attention_window", "attention_head_dim"):
            _expect(getattr(self, name) > 0, name, getattr(self, name))
        for name in ("encoder_rates", "decoder_rates"):  # a stride of 1 would not keep the length
            _expect(min(getattr(self, name), default=0) > 1, name, getattr(self, name))
        _expect(0 <= self.coarse_dim < self.latent_dim, "coarse_dim", self.coarse_dim)
        _expect(not self.coarse_dim or self.encoder == "spectral", "coarse_dim", self.coarse_dim)
        if len(self.codebook_sizes) != len(self.vq_strides):
            raise ValueError(
                f"codebook_sizes has {len(self.codebook_sizes)} scales but vq_strides has "
                f"{len(self.vq_strides)}; give one of each per scale"
            )
        if math.prod(self.encoder_rates) != math.prod(self.decoder_rates):
            raise ValueError(
                f"encoder_rates {self.encoder_rates} and decoder_rates {self.decoder_rates} "
                "have different products; both must give the same hop"
            )
        for part, kind, frames in (("encoder", self.encoder, FRAMES_PER_LATENT),
                                   ("decoder", self.decoder, STEPS_PER_LATENT)):
            if kind == "spectral" and self.hop_length % frames:
                raise ValueError(
                    f"encoder_rates {self.encoder_rates} give a hop of {self.hop_length}, but a "
                    f"spectral {part} needs one that {frames} divides, such as 240 or 480"
                )

    @cached_property
    def hop_length(self) -> int:
        """Samples per frame."""
        return math.prod(self.encoder_rates)

    @property
    def num_scales(self) -> int:
        """K."""
        return len(self.vq_strides)

    @property
    def frame_rate(self) -> float:
        """Frames per second at full rate."""
        return self.sample_rate / self.hop_length

    @cached_property
    def block_frames(self) -> int:
        """Frames of the smallest clip that fills whole windows and whole pooled frames."""
        return math.lcm(self.attention_window, *self.vq_strides)

    @property
    def block_samples(self) -> int:
        """Samples of one block; clips are right-padded to a whole number of blocks."""
        return self.block_frames * self.hop_length

    @property
    def tokens_per_block(self) -> int:
        """Codes of all scales in one block."""
        return sum(self.block_frames // stride for stride in self.vq_strides)

    @property
    def tokens_per_second(self) -> float:
        """Codes of all scales in one second."""
        return self.tokens_per_block * self.sample_rate / self.block_samples

    @property
    def bits_per_second(self) -> float:
        """Rate of the codes without entropy coding: sum of rate_k * log2(V_k)."""
        return sum(
            self.frame_rate / stride * math.log2(size)
            for stride, size in zip(self.vq_strides, self.codebook_sizes, strict=True)
        )

    def padded_samples(self, num_samples: int) -> int:
        """Samples after right-padding to whole blocks (at least one)."""
        return max(1, -(-num_samples // self.block_samples)) * self.block_samples

    def scale_frames(self, num_samples: int) -> tuple[int, ...]:
        """T_k of each scale for a clip of ``num_samples`` samples, padding included."""
        frames = self.padded_samples(num_samples) // self.hop_length
        return tuple(frames // stride for stride in self.vq_strides)

    def valid_frames(self, num_samples: int) -> tuple[int, ...]:
        """Codes of each scale that stand for at least one true sample."""
        return tuple(-(-num_samples // (self.hop_length * stride)) for stride in self.vq_strides)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for ``config.json``."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> CodecConfig:
        """Inverse of `to_dict`; unknown keys are an error, not ignored."""
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ValueError(f"unknown codec config keys {unknown}; is it of a newer version?")
        return cls(**values)


def _expect(condition: bool, name: str, value: object) -> None:
    if not condition:
        raise ValueError(f"CodecConfig.{name} is {value!r}, which is not a value it can have")
