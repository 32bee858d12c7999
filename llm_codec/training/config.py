"""Recipe of a codec, read from JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_codec.config import CodecConfig
from llm_codec.run import read_recipe
from llm_codec.training.terms import loss_names


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training run does.

    Args:
        data: folder with ``manifest.csv``; only its ``split`` is read.
        llm: preset, folder or hub name of the frozen LLM whose words the codes are.
        out: folder for the codec; ``train/`` inside it holds log and resumable state.
        codec: `CodecConfig` fields; codebook sizes and embedding width follow from the words.
        split: rows of the manifest to train on.
        held_out: speakers left out of training, to choose settings on.
        words: words of each scale; the LLM's commonest whole lower-case words are taken.
        word_list: file of words to take none but; empty allows all.
        core: channels of the coarsest scale, laid along the LLM's principal directions.
        steps, unquantised: optimiser steps; how many of them before the lookup is switched on.
            A codec trained with the lookup from the start uses a handful of words.
        crops, seconds: crops a step and their length.
        classes: labels a step, two clips each, for the agreement loss.
        learning_rate, warmup, clip: AdamW with a cosine schedule.
        weights: weight of each loss; one of 0, or left out, is not computed at all.
        options: what a loss is told, by its name: see the terms.
        save_every, seed: steps between checkpoints; seed of every choice.

    Raises:
        ValueError: a weight or an option is of no loss, or no loss has a weight.
    """

    data: str
    llm: str
    out: str
    codec: dict[str, Any] = field(default_factory=dict)
    split: str = "train"
    held_out: tuple[str, ...] = ()
    words: tuple[int, ...] = (1024, 3584, 3584)
    word_list: str = ""
    core: int = 12
    steps: int = 4000
    unquantised: int = 1000
    crops: int = 8
    seconds: float = 2.4
    classes: int = 16
    learning_rate: float = 8e-4
    warmup: int = 100
    clip: float = 1.0
    weights: dict[str, float] = field(default_factory=lambda: {
        "mel": 1.0, "stft": 0.5, "commitment": 1.0, "agreement": 0.5, "isotropy": 0.2,
        "consistency": 0.5})
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    save_every: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        known = loss_names()
        if unknown := sorted({*self.weights, *self.options} - {*known}):
            raise ValueError(f"weights or options of unknown losses {unknown}; there are {known}")
        if not any(self.weights.values()):
            raise ValueError("all weights are 0, so nothing would be trained; give mel 1")

    @classmethod
    def load(cls, path: Path, **overrides: Any) -> TrainConfig:
        """Read a recipe; see `read_recipe`."""
        return read_recipe(cls, path, **overrides)

    def codec_config(self, embedding_dim: int) -> CodecConfig:
        """Shape of the codec around an LLM of this embedding width."""
        sizes = tuple(self.words)
        return CodecConfig(**self.codec, codebook_sizes=sizes, embedding_dim=embedding_dim)
