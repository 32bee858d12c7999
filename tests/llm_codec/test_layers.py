"""Layers of the waveform codec: exact lengths, windows that do not mix, seeded noise."""

from __future__ import annotations

import math

import pytest
import torch

from llm_codec.config import CodecConfig
from llm_codec.layers import (
    DecoderBlock,
    LocalAttention,
    NoiseBlock,
    ResidualUnit,
    Snake,
    WaveformDecoder,
    WaveformEncoder,
)


def small(rates: tuple[int, ...], **values: object) -> CodecConfig:
    dim = 2 * 2 ** len(rates)
    shape = {"encoder_dim": 2, "decoder_dim": 32, "latent_dim": dim, "attention_head_dim": 4}
    return CodecConfig(
        encoder_rates=rates, decoder_rates=rates[::-1], codebook_sizes=(8, 8, 8), **shape | values
    )


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_snake_is_its_formula() -> None:
    snake, x = Snake(3), torch.randn(2, 3, 5)
    torch.nn.init.uniform_(snake.alpha, 0.5, 2.0)
    assert torch.allclose(snake(x), x + torch.sin(snake.alpha * x) ** 2 / snake.alpha, atol=1e-6)


@pytest.mark.parametrize("dilation", [1, 3, 9])
def test_a_residual_unit_keeps_the_length(dilation: int) -> None:
    for length in (1, 2, 7, 30):
        assert ResidualUnit(4, dilation)(torch.randn(2, 4, length)).shape == (2, 4, length)


@pytest.mark.parametrize("rates", [(3, 4, 5, 8), (3, 5), (2, 7, 3), (16, 9)])
def test_lengths_are_exact_for_odd_and_even_strides(rates: tuple[int, ...]) -> None:
    config = small(rates)
    encoder, decoder = WaveformEncoder(config).eval(), WaveformDecoder(config).eval()
    for blocks in (1, 3):
        latent = encoder(torch.randn(2, 1, blocks * config.block_samples))
        assert latent.shape == (2, config.latent_dim, blocks * config.block_frames)
        wave = decoder(latent)
        assert wave.shape == (2, 1, blocks * config.block_samples)
        assert wave.abs().max() <= 1


@pytest.mark.parametrize("stride", [2, 3, 4, 5, 7, 8])
def test_a_decoder_block_lengthens_by_its_stride(stride: int) -> None:
    block = DecoderBlock(8, stride, noise=False)
    for length in (1, 2, 9):
        assert block(torch.randn(1, 8, length), None).shape == (1, 4, length * stride)


def test_attention_stays_inside_its_window() -> None:
    layer, x = LocalAttention(16, window=4, head_dim=8), torch.randn(2, 16, 12)
    changed = x.clone()
    changed[:, :, 5] += 1.0
    moved = (layer(changed) - layer(x)).abs().amax(dim=(0, 1)) > 0
    assert moved.tolist() == [False] * 4 + [True] * 4 + [False] * 4
    assert torch.allclose(layer(x)[..., 4:8], layer(x[..., 4:8]), atol=1e-6)


def test_attention_equals_a_plain_restatement() -> None:
    layer, x = LocalAttention(8, window=4, head_dim=8), torch.randn(1, 8, 4)
    q, k, v = layer.to_qkv(layer.norm(x.mT)).chunk(3, dim=-1)
    turned = [torch.stack([turn(row, place) for place, row in enumerate(y[0])]) for y in (q, k)]
    weights = (turned[0] @ turned[1].T / math.sqrt(8)).softmax(dim=-1)
    expected = x[0].T + layer.to_out(weights @ v[0])
    assert torch.allclose(layer(x)[0].T, expected, atol=1e-5)


def turn(row: torch.Tensor, place: int) -> torch.Tensor:
    """Rotary position, as complex numbers: halves of the row are real and imaginary parts."""
    half = len(row) // 2
    angles = place * 10_000.0 ** (-torch.arange(half) / half)
    turned = torch.complex(row[:half], row[half:]) * torch.polar(torch.ones(half), angles)
    return torch.cat([turned.real, turned.imag])


def test_noise_follows_its_seed_and_can_be_off() -> None:
    block, x = NoiseBlock(4), torch.randn(2, 4, 50)
    first, again, other = (block(x, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert block(x, None) is x


def test_an_encoder_that_ends_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="ends with 8 channels, not latent_dim 12"):
        WaveformEncoder(small((3, 5), latent_dim=12))
