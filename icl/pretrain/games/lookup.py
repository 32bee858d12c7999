"""Named strings, and one of the names: its string is the answer."""

from __future__ import annotations

import numpy as np

from icl.pretrain.games.base import Game, Part, Table, ids, size
from icl.pretrain.games.matching import draw_names, draw_takes
from icl.pretrain.games.numerals import draw_expression, draw_question, say

PHRASES = ("", " the sound of", " an audio of", " say")


class Lookup(Game):
    """``three: w w w`` once or a few times for each name, then ``three:`` or ``one + two:``.

    Strings of one name differ by noise; the one shown last is the answer, word for word, and where
    it ends. Some strings have three layers, as `draw_takes` says. In half of the texts strings of
    all names share runs of words, so that a word does not tell what comes next: the name does.
    """

    def write(self, table: Table) -> list[Part]:
        """Names with strings in random order, then questions while there is room."""
        rng, spell = table.rng, table.spell
        numbers = rng.random() < 0.5
        count, shots = int(rng.integers(2, 8)), int(rng.integers(1, 6))
        takes, noise = draw_takes(table, count, table.tokens // (3 * count))
        longest = max(sum(map(len, paths)) for paths in takes)
        shots = max(1, min(shots, int(0.6 * table.tokens / (count * (1.3 * longest + 8)))))
        values = rng.choice(10, size=count, replace=False).tolist()
        names = [say(value, rng) for value in values] if numbers else draw_names(table, count)
        phrase = str(rng.choice(PHRASES))
        sign, end = str(rng.choice([":", ":", " ="])), ids(spell.ids("\n"))
        shared = rng.random() < 0.5
        parts: list[Part] = []
        latest: dict[int, np.ndarray] = {}
        common = np.zeros(0, np.int64)
        for turn in rng.permutation(np.repeat(np.arange(count), shots)).tolist():
            points = table.maker.layered_points(takes[turn], noise)
            latest[turn] = _share(table.maker.space.nearest(points), common, rng)
            common = latest[turn] if shared else common
            parts += [ids(spell.ids(f"{phrase} {names[turn]}{sign}")), ids(latest[turn]), end]
        for turn in rng.integers(count, size=16).tolist():
            plain = not numbers or rng.random() < 0.4
            asked = names[turn] if plain else _draw_expression(values[turn], rng)
            answer = ids([*latest[turn], *end.content], target=True)
            question = [ids(spell.ids(f"{phrase} {asked}{sign}")), answer]
            if size(parts) + size(question) > table.tokens:
                break
            parts += question
        return parts


def _share(words: np.ndarray, common: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A string (N,) with a run of another (M,) in it, at the same place and mostly at the start."""
    room = min(len(words), len(common))
    run = int(rng.integers(room // 2 + 1))
    start = int(rng.integers(room - run + 1)) if rng.random() < 0.3 else 0
    return np.concatenate([words[:start], common[start : start + run], words[start + run :]])


def _draw_expression(value: int, rng: np.random.Generator) -> str:
    """A question that a digit answers."""
    words = bool(rng.random() < 0.5)
    draw = draw_expression if rng.random() < 0.6 else draw_question
    return draw(value, rng, words)
