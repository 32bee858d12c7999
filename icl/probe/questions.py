"""Questions of a probe: a prompt, what may be answered, and what is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from icl.pretrain.batches import spell_parts
from icl.pretrain.formats import Format
from icl.pretrain.games import GAMES, Part, Table
from icl.pretrain.games.matching import draw_classes
from icl.pretrain.games.repetition import Repetition
from icl.probe.world import World

STEPS = 12  # places at which the oracle compares two strings


@dataclass(frozen=True)
class Question:
    """One prompt.

    Args:
        prefix: token ids.
        choices: token ids of each answer there is; empty where the answer is free.
        right: the number of the right choice.
        answer: token ids of the free answer.
        oracle: the choice whose examples are nearest in the embedding space; -1 for none.
    """

    prefix: tuple[int, ...]
    choices: tuple[tuple[int, ...], ...] = ()
    right: int = 0
    answer: tuple[int, ...] = ()
    oracle: int = -1


Maker = Callable[[World, tuple[int, ...]], Question]


@dataclass(frozen=True)
class Episode:
    """N-way k-shot with one query, in pieces, so that it can be written in several ways.

    Args:
        shown: (class, points) of each example.
        query: points.
        wanted: its class.
        names: a label for each class.
    """

    shown: list[tuple[int, np.ndarray]]
    query: np.ndarray
    wanted: int
    names: list[str]

    @classmethod
    def draw(cls, table: Table, ways: int, shots: int) -> Episode:
        """Examples in random order."""
        paths, noise = draw_classes(table, ways, table.length[1])
        turns = table.rng.permutation(np.repeat(np.arange(ways), shots)).tolist()
        shown = [(turn, table.maker.string_points(paths[turn], noise)) for turn in turns]
        names = [table.spell.text(token) for token in table.draw_words(ways)]
        wanted = int(table.rng.integers(ways))
        return cls(shown, table.maker.string_points(paths[wanted], noise), wanted, names)

    def ask(self, world: World, table: Table) -> Question:
        """The prompt in the table's format."""
        form = table.formats[0]
        labels = [form.label(name) for name in self.names]
        runs = [run for turn, points in self.shown
                for run in form.write(points, labels[turn], question=False)]
        contents = [run for run, _ in runs] + _asked(form, self.query)
        words = np.concatenate(spell_parts([Part(content) for content in contents], table))
        prefix = (*world.begin, *form.opening(self.names), *words.tolist())
        return Question(prefix, tuple(labels), self.wanted, oracle=self._nearest())

    def _nearest(self) -> int:
        means = [np.mean([_resampled(points) for turn, points in self.shown if turn == way], axis=0)
                 for way in range(len(self.names))]
        here = _resampled(self.query)
        return int(np.argmin([np.square(mean - here).sum() for mean in means]))


def _asked(form: Format, string: np.ndarray) -> list[np.ndarray]:
    """Runs of a question up to where its label goes."""
    runs = form.write(string, (), question=True)
    return [run for run, _ in runs[: next(at for at, (_, label) in enumerate(runs) if label)]]


def _resampled(points: np.ndarray) -> np.ndarray:
    """Points (N, core) at `STEPS` places along the string."""
    where = np.linspace(0, len(points) - 1, STEPS)
    lower = np.floor(where).astype(int)
    upper = np.minimum(lower + 1, len(points) - 1)
    part = (where - lower)[:, None]
    return (1 - part) * points[lower] + part * points[upper]


def matching(ways: int, shots: int, length: int) -> Maker:
    """Noisy strings of about ``length`` words."""

    def make(world: World, seed: tuple[int, ...]) -> Question:
        table = world.table(seed, length, 4096)
        return Episode.draw(table, ways, shots).ask(world, table)

    return make


def last_of(game: str, length: int, tokens: int, chosen: str = "") -> Maker:
    """The last question of a game's text that has one (and ``chosen`` in its line)."""

    def make(world: World, seed: tuple[int, ...]) -> Question:
        for attempt in range(100):
            table = world.table((*seed, attempt), length, tokens)
            parts = GAMES[game].write(table)
            runs = [run.tolist() for run in spell_parts(parts, table)]
            for at in reversed([at for at, part in enumerate(parts) if part.target]):
                before = [token for run in runs[:at] for token in run]
                line = world.spell.tokenizer.decode(before).rsplit("\n", 1)[-1]
                if chosen in line:
                    return Question((*world.begin, *before), answer=tuple(runs[at]))
        raise ValueError(f"the game {game} asks nothing with {chosen!r} in {tokens} tokens")

    return make


def copying(length: int) -> Maker:
    """``length`` words, a mark, and the same words to be said."""

    def make(world: World, seed: tuple[int, ...]) -> Question:
        parts = Repetition().copy(world.table(seed, length, 4 * length), length)
        words, mark, answer, _ = (part.content.tolist() for part in parts)
        return Question((*world.begin, *words, *mark), answer=tuple(answer))

    return make


def able(groups: list[np.ndarray], ways: int, shots: int) -> list[np.ndarray]:
    """Categories to ask `category` questions about: with words to spare for what two may share."""
    return [group for group in groups if len(group) > shots + ways]


def category(ways: int, shots: int) -> Maker:
    """A word, after examples of each of ``ways`` different categories under an arbitrary label.

    Its questions raise ValueError where the world has too few categories.
    """

    def make(world: World, seed: tuple[int, ...]) -> Question:
        table = world.table(seed, 3, 512)
        rng = table.rng
        known = able(world.groups, ways, shots)
        groups: list[np.ndarray] = []
        for at in rng.permutation(len(known)):
            group = np.setdiff1d(known[at], np.concatenate([[], *groups]))
            if len(groups) < ways and len(group) > shots:
                groups.append(rng.permutation(group)[: shots + 1].astype(np.int64))
        if len(groups) < ways:
            raise ValueError(
                f"{len(groups)} of {len(world.groups)} categories have words enough for {shots} "
                f"examples; expected {ways}: give a --text folder with a table of categories"
            )
        names = [table.spell.text(token) for token in table.draw_words(ways)]
        shown = [(way, word) for way, group in enumerate(groups) for word in group[:shots]]
        order = rng.permutation(len(shown))
        form = table.formats[0]
        labels = [form.label(name) for name in names]
        runs = [run for at in order for run in
                form.write(shown[at][1:], labels[shown[at][0]], question=False)]
        wanted = int(rng.integers(ways))
        words = np.concatenate([run for run, _ in runs] + _asked(form, groups[wanted][shots:]))
        prefix = (*world.begin, *words.astype(int).tolist())
        return Question(prefix, tuple(labels), wanted)

    return make
