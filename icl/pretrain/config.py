"""Recipe of a pocket language model, read from JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PretrainConfig:
    """Everything that decides what a run does; the same config and seed give the same run.

    Args:
        text: folder of ``.txt``/``.txt.xz`` files.
        words: ``portable_words.tsv``: words that become single tokens.
        out: folder for the model; ``train/`` inside it holds log and resumable state.
        text_shares: file name -> part of its documents to use.
        vocabulary_size, num_words: tokenizer entries, and how many of the words to take.
        width, layers, heads, hidden, context: shape of the Llama.
        core: principal directions of the embedding space that strings live in.
        steps, rows, text_tokens: optimiser steps, texts a step, tokens a text.
        prose_share: share of steps that read prose.
        games: game -> share of the other steps' texts.
        learning_rate, warmup, weight_decay, clip: AdamW with a cosine schedule.
        ramp: part of the run over which strings grow longer and noisier.
        shortest, longest: words in a string at the end of the ramp.
        spread, shared, stretch, shift, jitter: largest `Noise` at the end of the ramp.
        refresh: steps between two looks at the embeddings for the space of strings.
        save_every, seed: steps between checkpoints; seed of every choice.
    """

    text: str
    words: str
    out: str
    text_shares: dict[str, float] = field(default_factory=dict)
    vocabulary_size: int = 5120
    num_words: int = 3584
    width: int = 128
    layers: int = 4
    heads: int = 4
    hidden: int = 384
    context: int = 2048
    core: int = 12
    steps: int = 6000
    rows: int = 32
    text_tokens: int = 160
    prose_share: float = 0.25
    games: dict[str, float] = field(
        default_factory=lambda: {"repetition": 0.15, "matching": 0.75, "lookup": 0.1}
    )
    learning_rate: float = 2e-3
    warmup: int = 200
    weight_decay: float = 0.02
    clip: float = 1.0
    ramp: float = 0.6
    shortest: int = 3
    longest: int = 14
    spread: float = 0.6
    shared: float = 0.4
    stretch: float = 0.3
    shift: float = 0.25
    jitter: float = 0.25
    refresh: int = 250
    save_every: int = 250
    seed: int = 0

    @classmethod
    def load(cls, path: Path, **overrides: Any) -> PretrainConfig:
        """Read a recipe; keyword arguments win over the file.

        Raises:
            ValueError: not JSON, or a key that no recipe has.
        """
        try:
            values = json.loads(path.read_text("utf-8")) | overrides
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is not JSON: {error}") from error
        unknown = sorted(set(values) - {f.name for f in dataclasses.fields(cls)})
        if unknown:
            raise ValueError(f"{path} has unknown keys {unknown}")
        return cls(**values)
