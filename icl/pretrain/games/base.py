"""What every word game has: text whose next words follow from what stands earlier in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from icl.pretrain.formats import Format, Speller
from icl.pretrain.strings import Noise, StringMaker


@dataclass(frozen=True)
class Part:
    """A run of tokens, given as ids (N,) or as points (N, core) still to be turned into words.

    Args:
        content: int ids or float points.
        target: whether the loss covers these tokens (they follow from what came before).
    """

    content: np.ndarray
    target: bool = False


@dataclass(frozen=True)
class Table:
    """What a game is played with.

    Args:
        maker: draws strings; its ``rng`` is the source of every choice.
        labels: token ids (W,) of words that may name a class.
        formats: ways to write an example; the prompt templates of `icl.template` are among them.
        spell: text to token ids.
        noise: how far two strings of one class may differ now.
        length: (fewest, most) words in a string now.
        tokens: room for one text.
        groups: token ids of words of one category each.
    """

    maker: StringMaker
    labels: np.ndarray
    formats: Sequence[Format]
    spell: Speller
    noise: Noise
    length: tuple[int, int]
    tokens: int
    groups: Sequence[np.ndarray] = field(default_factory=tuple)

    @property
    def rng(self) -> np.random.Generator:
        """Source of every choice."""
        return self.maker.rng

    def draw_length(self, most: int | None = None) -> int:
        """Words in the next string, short ones more often (uniform in the logarithm)."""
        low, high = self.length[0], min(self.length[1], most or self.length[1])
        return round(float(np.exp(self.rng.uniform(np.log(low), np.log(max(low, high))))))

    def draw_format(self) -> Format:
        """A way to write this text's examples; by the weights the formats have."""
        weights = np.array([form.weight for form in self.formats])
        return self.formats[self.rng.choice(len(self.formats), p=weights / weights.sum())]

    def draw_words(self, count: int) -> np.ndarray:
        """Distinct random words (count,), as token ids."""
        return self.rng.choice(self.labels, size=count, replace=False)


class Game(ABC):
    """One kind of text."""

    @abstractmethod
    def write(self, table: Table) -> list[Part]:
        """One text; at most about ``table.tokens`` tokens, what is over is cut."""


def ids(values: Sequence[int] | np.ndarray, target: bool = False) -> Part:
    """A part of known tokens."""
    return Part(np.asarray(values, dtype=np.int64), target)


def size(parts: Sequence[Part]) -> int:
    """Tokens of some parts."""
    return sum(len(part.content) for part in parts)
