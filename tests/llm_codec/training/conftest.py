"""A tiny corpus, tiny words and a tiny recipe: a training run takes a second."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from transformers import (
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)

from llm_codec import Vocabulary
from llm_codec.manifest import COLUMNS
from llm_codec.quantizer import Quantized
from llm_codec.training.bank import ClipBank
from llm_codec.training.codebook import Looked
from llm_codec.training.config import TrainConfig
from llm_codec.training.corpus import Corpus, open_corpus
from llm_codec.training.term import Setting, Step
from llm_codec.training.words import FrozenWords

SHAPE = {
    "encoder": "spectral", "decoder": "spectral", "encoder_width": 16, "encoder_depth": 1,
    "coarse_dim": 4, "coarse_width": 16, "coarse_depth": 1,
    "decoder_width": 16, "decoder_depth": 1, "head_width": 16, "head_depth": 1, "latent_dim": 16,
    "attention_head_dim": 8, "lookup": "euclidean", "latent_norm": True, "level_db": -26.0,
}


def row(path: str, split: str, label: str, speaker: str, **other: str) -> dict[str, str]:
    base = {"source": "tones", "label_kind": "word", "seconds": "0.4"}
    return base | {"path": path, "split": split, "label": label, "speaker": speaker} | other


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tones of two labels: twelve by three speakers, two each by `held`, two each of the dev
    split; and a hum without label. A clip of the test split is listed but not there.
    """
    root, draw = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    rows = [row("test/a.wav", "test", "low", "a")]
    for label, hertz in (("low", 250), ("high", 900)):
        for number in range(10):
            time = np.arange(6400 + 300 * number) / 16000
            wave = 0.2 * np.sin(2 * np.pi * hertz * (1 + number / 50) * time) * np.exp(-3 * time)
            split = "dev" if number > 7 else "train"
            path = f"{split}/{label}{number}.wav"
            (root / split).mkdir(exist_ok=True)
            soundfile.write(root / path, wave + draw.normal(0, 0.003, len(time)), 16000)
            rows.append(row(path, split, label, "held" if number in (6, 7) else "abc"[number % 3]))
    soundfile.write(root / "train/hum.wav", draw.normal(0, 0.05, 20000), 16000)
    rows.append(row("train/hum.wav", "train", "", "", source="hums", seconds="1.25"))
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return root


@pytest.fixture
def source(corpus: Path) -> Corpus:
    return open_corpus(str(corpus), "train", "dev")


@pytest.fixture
def rows(source: Corpus) -> list[dict[str, str]]:
    """Rows of `corpus` to train on."""
    return [row for row in source.part("train") if row["speaker"] != "held"]


@pytest.fixture
def bank(source: Corpus, rows: list[dict[str, str]], tmp_path: Path) -> ClipBank:
    return ClipBank(source, rows, tmp_path / "cache")


@pytest.fixture(scope="session")
def words(vocabulary: Vocabulary) -> FrozenWords:
    """Random embeddings for `vocabulary`."""
    generator = torch.Generator().manual_seed(0)
    tables = [torch.randn(size, 24, generator=generator) for size in vocabulary.sizes]
    return FrozenWords(tables, vocabulary, llm="0123456789abcdef")


@pytest.fixture
def recipe(corpus: Path, tmp_path: Path) -> Callable[..., TrainConfig]:
    """Builds a recipe of a run of six steps, the lookup on from the fourth."""

    def build(**values: Any) -> TrainConfig:
        base = {
            "data": str(corpus), "llm": "none", "out": str(tmp_path / "out"), "codec": SHAPE,
            "held_out": ("held",), "words": (16, 32, 32), "core": 4, "steps": 6, "unquantised": 3,
            "crops": 2, "classes": 2, "save_every": 2, "warmup": 2,
        }
        return TrainConfig(**base | values)

    return build


@pytest.fixture(scope="session")
def make_step() -> Callable[..., Step]:
    """Builds a step of nothing but the fields given; fields of `Looked` stand beside them."""
    nothing = torch.zeros(0)

    def build(number: int = 0, waves=nothing, output=nothing, spans=(), **looked: Any) -> Step:
        base = {"quantized": Quantized(nothing, []), "commitment": nothing, "parts": [],
                "residuals": [], "tables": []}
        return Step(number, waves, output, nothing, nothing, spans, Looked(**base | looked))

    return build


@pytest.fixture
def setting(recipe: Callable[..., TrainConfig], words: FrozenWords) -> Callable[..., Setting]:
    """Builds what terms are built from, out of a manifest's rows and fields of the recipe."""

    def build(rows: Sequence[dict[str, str]] = (), **values: Any) -> Setting:
        config = recipe(**values)
        return Setting(config, config.codec_config(words), words, rows)

    return build


@pytest.fixture(scope="session")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a random Whisper, 16 wide, that hears three seconds."""
    config = WhisperConfig(
        vocab_size=40, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, num_mel_bins=20,
        max_source_positions=150, max_target_positions=8, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, decoder_start_token_id=1)
    folder = tmp_path_factory.mktemp("whisper")
    torch.manual_seed(0)
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=20, chunk_length=3).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def t5(tmp_path_factory: pytest.TempPathFactory, tokenizer: PreTrainedTokenizerFast) -> str:
    """A folder with a random T5 encoder, 16 wide, and a tokenizer."""
    folder = tmp_path_factory.mktemp("t5")
    shape = {"d_model": 16, "d_ff": 24, "d_kv": 8, "num_heads": 2, "num_layers": 1}
    torch.manual_seed(0)
    T5EncoderModel(T5Config(vocab_size=len(tokenizer), **shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
