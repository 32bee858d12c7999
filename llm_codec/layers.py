"""Waveform encoder and decoder of the released LLM-Codec, and the layers they are made of.

The layout is that of SNAC and the Descript Audio Codec with depthwise convolutions and one
local-window attention (arXiv 2406.10056, Appendix B). Weight norm is folded into plain weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from einops import rearrange
from torch import Tensor, nn

from llm_codec.config import CodecConfig
from llm_codec.depthwise import DepthwiseConv
from llm_codec.tone import Clock

Noise = torch.Generator | Callable[[tuple[int, int, int]], Tensor]
"""Where noise of a shape comes from: one stream of numbers, or a function (see `noise`)."""


class Snake(nn.Module):
    """``x + sin(alpha x)^2 / alpha`` with one trained alpha a channel (arXiv 2006.08195).

    Args:
        channels: C of the (B, C, T) input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        # In place, because fresh memory takes longer than the sums; autograd keeps what it needs.
        scale = (self.alpha + 1e-9).reciprocal()
        return (self.alpha * x).sin_().square_().mul_(scale).add_(x)


class ResidualUnit(nn.Module):
    """Snake, depthwise convolution, Snake, pointwise convolution, skip. (B, C, T) -> same.

    Args:
        channels: C.
        dilation: of the depthwise convolution.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            Snake(channels),
            DepthwiseConv(channels, dilation),
            Snake(channels),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x).add_(x)  # in place, as in `Snake`


class LocalAttention(nn.Module):
    """Self-attention inside non-overlapping windows, rotary positions, no mask. (B, C, T) -> same.

    Args:
        channels: C.
        window: frames in a window; T must be a multiple.
        head_dim: channels of a head; must divide C.
    """

    def __init__(self, channels: int, window: int, head_dim: int) -> None:
        super().__init__()
        self.window = window
        self.heads = channels // head_dim
        if self.heads * head_dim != channels:
            raise ValueError(f"attention over {channels} channels cannot have heads of {head_dim}; "
                             "choose an attention_head_dim that divides every width")
        self.norm = nn.LayerNorm(channels)
        self.to_qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.to_out = nn.Linear(channels, channels, bias=False)
        angles = _rotary_angles(window, head_dim)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.to_qkv(self.norm(rearrange(x, "b c t -> b t c")))
        q, k, v = rearrange(
            qkv, "b (w n) (s h d) -> s (b w) h n d", s=3, n=self.window, h=self.heads
        )
        out = nn.functional.scaled_dot_product_attention(self._rotate(q), self._rotate(k), v)
        out = out.unflatten(0, (x.shape[0], x.shape[2] // self.window))  # both may be unknown
        out = rearrange(out, "b w h n d -> b (w n) (h d)")
        return x + rearrange(self.to_out(out), "b t c -> b c t")

    def _rotate(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=-1)
        turned = x * self.cos + torch.cat((-second, first), dim=-1) * self.sin
        return turned.to(x.dtype)


def _rotary_angles(window: int, head_dim: int) -> Tensor:
    """(window, head_dim) angles in radians, base 10 000 (arXiv 2104.09864)."""
    frequencies = 10_000.0 ** (-torch.arange(0, head_dim, 2).float() / head_dim)
    angles = torch.arange(window).float()[:, None] * frequencies
    return torch.cat((angles, angles), dim=-1)


class NoiseBlock(nn.Module):
    """Adds Gaussian noise scaled by a projection of the signal, at inference too (released).

    Args:
        channels: C of the (B, C, T) input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor, generator: Noise | None) -> Tensor:
        if generator is None:
            return x
        shape = (x.shape[0], 1, x.shape[2])
        if isinstance(generator, torch.Generator):
            noise = torch.randn(shape, generator=generator)
        else:
            noise = generator(shape)
        return x + noise.to(x) * self.linear(x)


class DecoderBlock(nn.Module):
    """Snake, upsampling by ``stride``, noise, three residual units.

    (B, C, T) -> (B, C/2, T stride); ``output_padding`` keeps that exact for odd strides.
    """

    def __init__(self, channels: int, stride: int, noise: bool) -> None:
        super().__init__()
        half = channels // 2
        self.snake = Snake(channels)
        self.up = nn.ConvTranspose1d(
            channels, half, 2 * stride, stride, math.ceil(stride / 2), output_padding=stride % 2
        )
        self.noise = NoiseBlock(half) if noise else None
        self.units = nn.Sequential(*(ResidualUnit(half, dilation) for dilation in (1, 3, 9)))

    def forward(self, x: Tensor, generator: Noise | None) -> Tensor:
        x = self.up(self.snake(x))
        if self.noise is not None:
            x = self.noise(x, generator)
        return self.units(x)


class WaveformEncoder(nn.Module):
    """Waveform (B, 1, S) -> latent (B, D, T); S must be whole blocks.

    Args:
        config: ``encoder_dim``, ``encoder_rates`` and attention shape are used; D is
            ``encoder_dim`` doubled by every block and must equal ``latent_dim``.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        channels = config.encoder_dim
        layers: list[nn.Module] = [nn.Conv1d(1, channels, 7, padding=3)]
        for stride in config.encoder_rates:
            layers += [ResidualUnit(channels, dilation) for dilation in (1, 3, 9)]
            layers += [
                Snake(channels),
                nn.Conv1d(channels, 2 * channels, 2 * stride, stride, math.ceil(stride / 2)),
            ]
            channels *= 2
        if channels != config.latent_dim:
            raise ValueError(f"waveform encoder ends with {channels} channels, not latent_dim "
                             f"{config.latent_dim}; choose encoder_dim to fit")
        layers.append(LocalAttention(channels, config.attention_window, config.attention_head_dim))
        layers.append(DepthwiseConv(channels))
        self.layers = nn.Sequential(*layers)

    def forward(self, waveform: Tensor) -> Tensor:
        return self.layers(waveform.to(self.layers[0].weight.dtype))


class WaveformDecoder(nn.Module):
    """Latent (B, D, T) -> waveform (B, 1, S) in [-1, 1].

    Args:
        config: ``decoder_dim``, ``decoder_rates``, ``noise`` and attention shape are used.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        latent, channels = config.latent_dim, config.decoder_dim
        self.entry = nn.Sequential(
            DepthwiseConv(latent),
            nn.Conv1d(latent, channels, 1),
            LocalAttention(channels, config.attention_window, config.attention_head_dim),
        )
        self.blocks = nn.ModuleList()
        for stride in config.decoder_rates:
            self.blocks.append(DecoderBlock(channels, stride, config.noise))
            channels //= 2
        self.exit = nn.Sequential(Snake(channels), nn.Conv1d(channels, 1, 7, padding=3), nn.Tanh())

    def forward(
        self, latent: Tensor, generator: Noise | None = None, clock: Clock | None = None
    ) -> Tensor:
        x = self.entry(latent.to(self.entry[0].weight.dtype))
        for block in self.blocks:
            x = block(x, generator)
        return self.exit(x)
