"""LLMCodec on disk: what is loaded is what was saved, or it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from llm_codec import LLMCodec, Vocabulary
from llm_codec.checkpoint import CheckpointError


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)


@pytest.fixture(params=["spectral", "waveform"])
def any_codec(request: pytest.FixtureRequest) -> LLMCodec:
    return LLMCodec.tiny(encoder=request.param, decoder=request.param)


def damage(path: Path, change: Callable[[dict], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_saving_and_loading_changes_nothing(any_codec: LLMCodec, tmp_path: Path) -> None:
    any_codec.save_pretrained(tmp_path / "exact", dtype=None)
    exact = LLMCodec.from_pretrained(tmp_path / "exact")
    assert exact.fingerprint == any_codec.fingerprint
    exact.save_pretrained(tmp_path / "half")
    half = LLMCodec.from_pretrained(tmp_path / "half")
    half.save_pretrained(tmp_path / "again")
    again = LLMCodec.from_pretrained(tmp_path / "again")
    assert again.fingerprint == half.fingerprint != exact.fingerprint
    clip = noise(7000)
    for first, second in ((any_codec, exact), (half, again)):
        codes = first.encode(clip)
        assert second.encode(clip) == codes and second.config == first.config
        assert torch.equal(first.decode(codes), second.decode(codes))


def test_a_loaded_codec_is_frozen_and_speaks_its_words(
    codec: LLMCodec, pair: Path, vocabulary: Vocabulary
) -> None:
    loaded = LLMCodec.from_pretrained(pair)
    assert loaded.vocabulary == vocabulary
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    assert loaded.encode(noise(100)).vocabulary == vocabulary.fingerprint


def test_weights_that_were_changed_are_refused(codec: LLMCodec, tmp_path: Path) -> None:
    codec.save_pretrained(tmp_path)
    state = safetensors.torch.load_file(tmp_path / "model.safetensors")
    state["quantizer.codebooks.0.table"][0, 0] += 1
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="model.safetensors has fingerprint"):
        LLMCodec.from_pretrained(tmp_path)


def test_words_that_were_changed_are_refused(codec: LLMCodec, tmp_path: Path) -> None:
    codec.save_pretrained(tmp_path)
    damage(tmp_path / "vocabulary.json", lambda document: document["lists"][0].reverse())
    with pytest.raises(CheckpointError, match="vocabulary.json has fingerprint"):
        LLMCodec.from_pretrained(tmp_path)


def test_a_level_that_was_changed_is_refused(codec: LLMCodec, tmp_path: Path) -> None:
    """No tensor tells the level, the lookup or the order of strides; only the fingerprint does."""
    codec.save_pretrained(tmp_path)
    damage(tmp_path / "config.json", lambda document: document["config"].update(level_db=-20.0))
    with pytest.raises(CheckpointError, match="config.json was changed"):
        LLMCodec.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "change", [{"encoder_width": 48}, {"codebook_sizes": [16, 32, 31]}, {"decoder_depth": 2}]
)
def test_a_config_that_was_changed_is_refused(
    codec: LLMCodec, tmp_path: Path, change: dict
) -> None:
    codec.save_pretrained(tmp_path)
    damage(tmp_path / "config.json", lambda document: document["config"].update(change))
    with pytest.raises(CheckpointError, match="config.json was changed"):
        LLMCodec.from_pretrained(tmp_path)
    damage(tmp_path / "config.json", lambda document: document["fingerprints"].pop("config"))
    with pytest.raises(CheckpointError, match="config and files do not fit") as caught:
        LLMCodec.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)
