"""Word games: text whose next words follow from what stands earlier in the same text.

Each game is a function from a `Table` (what it plays with) to parts: pieces of text, and whether
the model is trained on them. Answers follow from the rule of the game alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

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
class Format:
    """How an example is written: ``opening`` string ``middle`` label ``closing``, as token ids."""

    opening: tuple[int, ...]
    middle: tuple[int, ...]
    closing: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """What a game is played with.

    Args:
        maker: draws strings; its ``rng`` is the source of every choice.
        labels: token ids that may name a class.
        formats: ways to write an example; the prompt templates of `icl.prompt` are among them.
        noise: how far two strings of one class may differ now.
        length: (fewest, most) words in a string now.
        tokens: room for one text.
    """

    maker: StringMaker
    labels: np.ndarray
    formats: Sequence[Format]
    noise: Noise
    length: tuple[int, int]
    tokens: int

    @property
    def rng(self) -> np.random.Generator:
        """Source of every choice."""
        return self.maker.rng

    def draw_length(self) -> int:
        """Words in the next string."""
        return int(self.rng.integers(self.length[0], self.length[1] + 1))

    def draw_format(self) -> Format:
        """A way to write this text's examples; the first, the pocket one, half of the time."""
        pick = 0 if self.rng.random() < 0.5 else self.rng.integers(len(self.formats))
        return self.formats[pick]


def ids(values: Sequence[int] | np.ndarray, target: bool = False) -> Part:
    """A part of known tokens."""
    return Part(np.asarray(values, dtype=np.int64), target)


def repetition(table: Table) -> list[Part]:
    """Random words, a mark, the same words again."""
    length = min(table.draw_length() * 4, table.tokens // 2 - 2)
    words = table.rng.choice(table.maker.space.words, size=length)
    mark = table.draw_format().closing
    return [ids(words), ids(mark), ids(words, target=True)]


def matching(table: Table) -> list[Part]:
    """Strings with the label of their class; a label is the answer once its class was shown."""
    rng, form = table.rng, table.draw_format()
    ways = int(rng.integers(2, 7))
    paths, noise = _classes(table, ways)
    label_size = 1 if rng.random() < 0.8 else 2
    labels = rng.choice(table.labels, size=(ways, label_size), replace=False)
    parts: list[Part] = []
    seen: set[int] = set()
    used = 0
    for turn in _turns(ways, rng):
        points = table.maker.string_points(paths[turn], noise)
        used += len(points) + len(form.opening) + len(form.middle) + len(form.closing) + label_size
        if used > table.tokens:
            break
        parts += [ids(form.opening), Part(points), ids(form.middle)]
        parts += [ids(labels[turn], target=turn in seen), ids(form.closing)]
        seen.add(turn)
    return parts


def _classes(table: Table, ways: int) -> tuple[list[np.ndarray], Noise]:
    """Paths of some classes, and how far their strings may differ.

    In half of the texts all classes lean towards one path, as words of one speaker do, and differ
    by less; only the whole string tells them apart then.
    """
    rng = table.rng
    alike = float(rng.uniform(0.2, 0.7)) if rng.random() < 0.5 else 0.0
    common = table.maker.path(table.draw_length())
    paths = []
    for _ in range(ways):
        path = table.maker.path(table.draw_length())
        along = np.linspace(0, len(common) - 1, len(path)).round().astype(int)
        paths.append(alike * common[along] + (1 - alike) * path)
    return paths, table.noise.scaled(float(rng.uniform(0.2, 1.0)) * (1 - alike))


def _turns(ways: int, rng: np.random.Generator) -> list[int]:
    """Each class once, in random order, then rounds of queries: what few-shot prompts look like."""
    shots = int(rng.integers(1, 4))
    demonstrations = np.repeat(np.arange(ways), shots)
    rng.shuffle(demonstrations)
    return [*demonstrations.tolist(), *rng.integers(ways, size=64).tolist()]


def lookup(table: Table) -> list[Part]:
    """Named strings, then one of the names: its string, word for word, is the answer."""
    rng, form = table.rng, table.draw_format()
    length = table.draw_length()
    room = (table.tokens - length) // (length + len(form.middle) + len(form.closing) + 1)
    count = max(1, min(room - 1, int(rng.integers(2, 7))))
    names = rng.choice(table.labels, size=count, replace=False)
    strings = [rng.choice(table.maker.space.words, size=length) for _ in range(count)]
    parts = []
    for name, words in zip(names, strings, strict=True):
        parts += [ids([name]), ids(form.middle), ids(words), ids(form.closing)]
    asked = int(rng.integers(count))
    return [*parts, ids([names[asked]]), ids(form.middle), ids(strings[asked], target=True)]


GAMES: dict[str, Callable[[Table], list[Part]]] = {
    "repetition": repetition,
    "matching": matching,
    "lookup": lookup,
}
