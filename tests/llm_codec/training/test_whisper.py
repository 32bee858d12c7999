"""Whisper's features: its own encoder's output, at the codec's rate, without a gradient."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from llm_codec.training.whisper import WhisperFeatures

POSITIONS = 50  # one second, where a real Whisper has thirty


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random Whisper, 16 wide, that hears one second."""
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    config = WhisperConfig(
        vocab_size=40, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, num_mel_bins=20,
        max_source_positions=POSITIONS, max_target_positions=8, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, decoder_start_token_id=1)
    folder = tmp_path_factory.mktemp("whisper")
    torch.manual_seed(0)
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=20, chunk_length=1).save_pretrained(folder)
    return folder


@pytest.fixture
def waves() -> torch.Tensor:
    return 0.1 * torch.randn(2, 1, 16000, generator=torch.Generator().manual_seed(0))


def own(folder: Path, waves: torch.Tensor) -> torch.Tensor:
    """Output of the encoder as transformers gives it, (B, positions, width)."""
    from transformers import WhisperFeatureExtractor, WhisperModel

    mel = WhisperFeatureExtractor.from_pretrained(folder)(
        list(waves[:, 0].numpy()), sampling_rate=16000, return_tensors="pt").input_features
    with torch.no_grad():
        return WhisperModel.from_pretrained(folder).encoder(mel).last_hidden_state


def test_features_are_the_encoders_output(whisper: Path, waves: torch.Tensor) -> None:
    features = WhisperFeatures(str(whisper), 16000)
    assert features.width == 16
    assert torch.allclose(features(waves, POSITIONS), own(whisper, waves).mT, atol=1e-5)


def test_features_come_at_the_rate_asked_for(whisper: Path, waves: torch.Tensor) -> None:
    fifth = WhisperFeatures(str(whisper), 16000)(waves, POSITIONS // 5)
    means = own(whisper, waves).unflatten(1, (-1, 5)).mean(dim=2).mT
    assert torch.allclose(fifth, means, atol=1e-5)


def test_the_window_is_cut_to_the_crops(whisper: Path, waves: torch.Tensor) -> None:
    crops = waves[..., :7680]
    features = WhisperFeatures(str(whisper), 7680)
    assert features(crops, 24).shape == (2, 16, 24)
    silent = torch.nn.functional.pad(crops, (0, 16000 - 7680))
    assert not torch.allclose(features(crops, 24), own(whisper, silent).mT[..., :24])


def test_features_take_no_gradient_and_repeat(whisper: Path, waves: torch.Tensor) -> None:
    features = WhisperFeatures(str(whisper), 16000)
    first = features(waves.clone().requires_grad_(), 10)
    assert not first.requires_grad
    assert torch.equal(first, features(waves, 10))
    alone = features(waves[1:], 10)
    assert torch.allclose(alone, first[1:], atol=1e-5)


def test_crops_beyond_the_window_or_of_another_rate_are_one_clear_error(whisper: Path) -> None:
    with pytest.raises(ValueError, match="hears 1 s but crops have 1.5 s; take shorter crops"):
        WhisperFeatures(str(whisper), 24000)
    with pytest.raises(ValueError, match="hears 16000 Hz but the codec has 24000"):
        WhisperFeatures(str(whisper), 16000, sample_rate=24000)
