"""Spectral encoder and decoder: exact lengths, a coarse branch, and an inverse that inverts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from llm_codec import LLMCodec
from llm_codec.config import CodecConfig
from llm_codec.mel import LogMel
from llm_codec.spectral import (
    FLOOR,
    MEL_BANDS,
    CoarseEncoder,
    ConvNeXtBlock,
    SpectralDecoder,
    SpectralEncoder,
    SpectrumHead,
)

CONFIG = CodecConfig(
    encoder="spectral", decoder="spectral", encoder_width=16, encoder_depth=1, decoder_width=16,
    decoder_depth=1, head_width=16, head_depth=1, latent_dim=8, attention_head_dim=8,
    codebook_sizes=(8, 8, 8),
)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_a_convnext_block_keeps_the_shape_and_treats_clips_alone() -> None:
    block, x = ConvNeXtBlock(8).eval(), torch.randn(3, 8, 11)
    assert block(x).shape == x.shape
    assert torch.allclose(block(x)[1:2], block(x[1:2]), atol=1e-6)


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_lengths_of_encoder_and_decoder_are_exact(blocks: int) -> None:
    latent = SpectralEncoder(CONFIG)(torch.randn(2, 1, blocks * CONFIG.block_samples))
    assert latent.shape == (2, CONFIG.latent_dim, blocks * CONFIG.block_frames)
    wave = SpectralDecoder(CONFIG)(latent)
    assert wave.shape == (2, 1, blocks * CONFIG.block_samples)
    assert wave.isfinite().all()


@pytest.mark.parametrize("hop", [15, 16, 160])
def test_the_head_gives_one_hop_a_frame(hop: int) -> None:
    head = SpectrumHead(4, hop)
    for frames in (1, 2, 3, 17):
        silent = torch.zeros(2, frames, 2 * hop + 1, dtype=torch.complex64)
        assert head(torch.randn(2, frames, 4), silent).shape == (2, 1, frames * hop)


def test_the_head_inverts_a_spectrum() -> None:
    """Given the log magnitude and phase of a wave's own frames, or as tone, it returns the wave."""
    hop, frames = 16, 20
    window, wave = 4 * hop, torch.randn(frames * hop)
    spare = (window - hop) // 2
    padded = torch.nn.functional.pad(wave, (spare, window - hop - spare))
    spectra = torch.fft.rfft(padded.unfold(0, window, hop) * torch.hann_window(window))
    magnitude = spectra.abs().clamp_min(1e-7).log()
    head = SpectrumHead(3 * spectra.shape[-1], hop)
    torch.nn.init.eye_(head.project.weight)
    torch.nn.init.zeros_(head.project.bias)
    told = torch.cat([magnitude, spectra.angle(), torch.zeros_like(magnitude)], dim=-1)
    assert torch.allclose(head(told[None], 0 * spectra[None])[0, 0], wave, atol=1e-4)
    nothing = torch.full_like(told, -20.0)
    nothing[:, 2 * spectra.shape[-1] :] = 0.0  # a gain of one for the tone
    assert torch.allclose(head(nothing[None], spectra[None])[0, 0], wave, atol=1e-4)


def test_the_head_cannot_explode() -> None:
    head = SpectrumHead(3 * 33, 16)
    torch.nn.init.eye_(head.project.weight)
    wave = head(torch.full((1, 5, 99), 1e4), torch.ones(1, 5, 33, dtype=torch.complex64))
    assert wave.isfinite().all() and wave.abs().max() < np.exp(6.0) * 100


def test_the_coarse_channels_come_from_their_own_branch_and_are_not_normalised() -> None:
    codec = LLMCodec.tiny(coarse_dim=3, latent_norm=True, level_db=-26.0)
    wave = 0.05 * torch.randn(1, 1, codec.config.block_samples)
    latent, encoder = codec.latent(wave), codec.encoder
    alone = encoder.coarse(encoder.mel.filters @ encoder.mel.magnitude(wave))
    assert torch.equal(latent[:, :3], alone)
    assert torch.equal(encoder.coarsely(wave), alone)
    assert latent.shape[1] == codec.config.latent_dim
    assert torch.allclose(latent[:, 3:].mean(dim=1), torch.zeros(()), atol=1e-5)


def test_noise_that_is_20_db_down_hardly_shows_above_the_floor() -> None:
    mel = LogMel(16000, 1024, 240, MEL_BANDS)
    time = torch.arange(48000) / 16000
    wave = (0.07 * torch.sin(2 * torch.pi * 440 * time))[None, None]
    noise = 0.05 * 10**-1 * torch.randn(wave.shape)  # the clip is at -26 dBFS
    clean, noisy = (mel.filters @ mel.magnitude(w) for w in (wave, wave + noise))
    above = ((noisy + FLOOR).log() - (clean + FLOOR).log()).abs().mean()
    assert above < 0.8 < 4 < (mel.log(noisy) - mel.log(clean)).abs().mean()


@pytest.mark.parametrize("wrong", [{"coarse_dim": 8}, {"coarse_dim": -1}])
def test_a_branch_needs_room_in_the_latent(wrong: dict) -> None:
    with pytest.raises(ValueError, match="coarse_dim"):
        dataclasses.replace(CONFIG, **wrong)
    with pytest.raises(ValueError, match="coarse_dim"):
        CodecConfig(coarse_dim=4)  # of the waveform encoder


def test_the_branch_gives_one_frame_for_two_of_mel() -> None:
    branch = CoarseEncoder(dataclasses.replace(CONFIG, coarse_dim=3))
    assert branch(torch.rand(2, MEL_BANDS, 20)).shape == (2, 3, 10)
    assert branch(torch.zeros(1, MEL_BANDS, 4)).isfinite().all()
