"""Recipe of a pocket language model, read from JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from icl.pretrain.games import GAMES
from icl.pretrain.wiring import GATHER, SLOT
from llm_codec.run import read_recipe


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
        save_every, seed: steps between checkpoints, a multiple of ``refresh``, so that a resumed
            run sees the same space as one that was never stopped; seed of every choice.

    Raises:
        ValueError: numbers that cannot be trained with; the message says which.
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

    def __post_init__(self) -> None:
        least, unit = len(GATHER) * SLOT, 2 * len(GATHER)
        rules = {
            f"heads is {self.heads} but {len(GATHER)} are wired": self.heads == len(GATHER),
            f"layers is {self.layers} but 2 are wired": self.layers >= 2,
            f"width is {self.width} but must be {least} or more and a multiple of {unit}":
                self.width >= least and self.width % unit == 0,
            f"core is {self.core} but must be 1 to the width": 1 <= self.core <= self.width,
            f"vocabulary_size is {self.vocabulary_size} but tokens are stored in 16 bits":
                self.vocabulary_size <= 2**16,
            f"games is {self.games} but must give shares of {sorted(GAMES)}":
                set(self.games) <= set(GAMES) and sum(self.games.values()) > 0,
            f"save_every is {self.save_every} but must be a multiple of refresh, {self.refresh}":
                self.refresh > 0 and self.save_every > 0 and self.save_every % self.refresh == 0,
        }  # fmt: skip
        if broken := [rule for rule, kept in rules.items() if not kept]:
            raise ValueError(f"the recipe cannot be trained: {broken[0]}")

    @classmethod
    def load(cls, path: Path, **overrides: Any) -> PretrainConfig:
        """Read a recipe; see `read_recipe`."""
        return read_recipe(cls, path, **overrides)
