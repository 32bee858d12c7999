"""Recipe of a pocket language model, read from JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from icl.pretrain.games import GAMES
from icl.pretrain.layout import Layout
from icl.pretrain.wired_layer import HEAD_DIM
from icl.pretrain.wiring import LAYERS, WINDOW
from llm_codec.run import read_recipe


@dataclass(frozen=True)
class PretrainConfig:
    """Everything that decides what a run does; the same config and seed give the same run.

    Args:
        text: folder of ``.txt``/``.txt.xz`` files, and ``wordnet.tsv.xz`` for categories; or the
            name of a data set on the Hugging Face hub.
        words: ``portable_words.tsv``: words that become single tokens.
        out: folder for the model; ``train/`` inside it holds log and resumable state.
        start: folder of an earlier model whose tokenizer and word vectors are taken, so that a
            codec made around it still fits; None makes both from the text.
        warm: take all weights of ``start`` too, to go on from them with a schedule of its own.
        text_shares: file name -> part of its documents to use.
        vocabulary_size, num_words: tokenizer entries, and how many of the words to take.
        width, layers, hidden, context: shape of the Llama.
        core: directions of the embedding space that strings live in.
        wired: begin with the weights of `icl.pretrain.wiring`; False begins at random.
        steps, batch_tokens: optimiser steps, tokens a step.
        lengths: tokens in a text of games; a step draws one of them.
        prose_length: tokens in a text of prose.
        prose_from: part of the run in which games alone are read, before the first prose: what
            the start is wired for has to hold before it shares its weights.
        prose_share: share of the other steps that read prose.
        games: game -> share of a step's texts.
        learning_rate, warmup, weight_decay, clip: AdamW with a cosine schedule.
        ramp: part of the run over which strings grow longer and noisier.
        shortest, longest: words in a string at the end of the ramp.
        spread, shared, stretch, shift, jitter, drop, distract: largest `Noise`, at its end.
        save_every, evaluate_every: steps between checkpoints, and between two evaluations.
        seed: of every choice.

    Raises:
        ValueError: numbers that cannot be trained with; the message says which.
    """

    text: str
    words: str
    out: str
    start: str | None = None
    warm: bool = False
    text_shares: dict[str, float] = field(default_factory=dict)
    vocabulary_size: int = 5120
    num_words: int = 3584
    width: int = 256
    layers: int = 4
    hidden: int = 512
    context: int = 2048
    core: int = 8
    wired: bool = True
    steps: int = 4800
    batch_tokens: int = 4096
    lengths: tuple[int, ...] = (64, 128, 256, 512, 1024)
    prose_length: int = 256
    prose_from: float = 0.12
    prose_share: float = 0.25
    games: dict[str, float] = field(
        default_factory=lambda: {
            "repetition": 0.05, "matching": 0.64, "lookup": 0.1, "cleaning": 0.07, "rules": 0.03,
            "categories": 0.04, "spelling": 0.02, "counting": 0.02, "arithmetic": 0.03,
        }  # fmt: skip
    )
    learning_rate: float = 1e-3
    warmup: int = 100
    weight_decay: float = 0.02
    clip: float = 1.0
    ramp: float = 0.2
    shortest: int = 3
    longest: int = 64
    spread: float = 0.6
    shared: float = 0.4
    stretch: float = 0.3
    shift: float = 0.25
    jitter: float = 0.25
    drop: float = 0.1
    distract: float = 0.1
    save_every: int = 100
    evaluate_every: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        layout = Layout(self.width, self.core)  # says itself what a width must be
        compared = 1 + self.core * len(WINDOW)
        rules = {
            f"layers is {self.layers} but {LAYERS} are wired":
                not self.wired or self.layers >= LAYERS,
            f"core is {self.core} but a head compares {HEAD_DIM - 1} directions at most":
                1 <= self.core and max(compared, layout.sketch + 1) < HEAD_DIM,
            f"hidden is {self.hidden} but squares take {2 * compared}":
                not self.wired or self.hidden >= 2 * compared,
            f"vocabulary_size is {self.vocabulary_size} but tokens are stored in 16 bits":
                self.vocabulary_size <= 2**16,
            f"lengths is {self.lengths} but must be positive and fit batch_tokens and context":
                0 < min(self.lengths, default=0) and self.prose_length > 0
                and max(*self.lengths, self.prose_length)
                <= min(self.batch_tokens, self.context),
            f"games is {self.games} but must give shares of {sorted(GAMES)}":
                set(self.games) <= set(GAMES) and sum(self.games.values()) > 0,
            "warm takes the weights of an earlier model: give its folder as start":
                not self.warm or bool(self.start),
            "steps, warmup, save_every and evaluate_every must be 1 or more":
                min(self.steps, self.warmup, self.save_every, self.evaluate_every) > 0,
        }  # fmt: skip
        if broken := [rule for rule, kept in rules.items() if not kept]:
            raise ValueError(f"the recipe cannot be trained: {broken[0]}")

    @classmethod
    def load(cls, path: Path, **overrides: Any) -> PretrainConfig:
        """Read a recipe; see `read_recipe`."""
        return read_recipe(cls, path, **overrides)
