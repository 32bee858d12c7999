"""Whisper's features: its own encoder's output, at the codec's rate, without a gradient."""

from __future__ import annotations

import pytest
import torch

from llm_codec.training.whisper import WhisperFeatures

POSITIONS = 150  # of three seconds, which the random Whisper hears; a real one hears thirty


@pytest.fixture
def waves() -> torch.Tensor:
    return 0.1 * torch.randn(2, 1, 48000, generator=torch.Generator().manual_seed(0))


def own(folder: str, waves: torch.Tensor) -> torch.Tensor:
    """Output of the encoder as transformers gives it, (B, positions, width)."""
    from transformers import WhisperFeatureExtractor, WhisperModel

    mel = WhisperFeatureExtractor.from_pretrained(folder)(
        list(waves[:, 0].numpy()), sampling_rate=16000, return_tensors="pt").input_features
    with torch.no_grad():
        return WhisperModel.from_pretrained(folder).encoder(mel).last_hidden_state


def test_features_are_the_encoders_output(whisper: str, waves: torch.Tensor) -> None:
    features = WhisperFeatures(whisper, 48000)
    assert features.width == 16
    assert torch.allclose(features(waves, POSITIONS), own(whisper, waves).mT, atol=1e-5)


def test_features_come_at_the_rate_asked_for(whisper: str, waves: torch.Tensor) -> None:
    fifth = WhisperFeatures(whisper, 48000)(waves, POSITIONS // 5)
    means = own(whisper, waves).unflatten(1, (-1, 5)).mean(dim=2).mT
    assert torch.allclose(fifth, means, atol=1e-5)


def test_the_window_is_cut_to_the_crops(whisper: str, waves: torch.Tensor) -> None:
    crops = waves[..., :7680]
    features = WhisperFeatures(whisper, 7680)
    assert features(crops, 24).shape == (2, 16, 24)
    silent = torch.nn.functional.pad(crops, (0, 48000 - 7680))
    assert not torch.allclose(features(crops, 24), own(whisper, silent).mT[..., :24])


def test_features_take_no_gradient_and_repeat(whisper: str, waves: torch.Tensor) -> None:
    features = WhisperFeatures(whisper, 48000)
    first = features(waves.clone().requires_grad_(), 10)
    assert not first.requires_grad
    assert torch.equal(first, features(waves, 10))
    alone = features(waves[1:], 10)
    assert torch.allclose(alone, first[1:], atol=1e-5)


def test_crops_beyond_the_window_or_of_another_rate_are_one_clear_error(whisper: str) -> None:
    with pytest.raises(ValueError, match="hears 3 s but crops have 3.5 s; take shorter crops"):
        WhisperFeatures(whisper, 56000)
    with pytest.raises(ValueError, match="hears 16000 Hz but the codec has 24000"):
        WhisperFeatures(whisper, 16000, sample_rate=24000)
