"""N-way k-shot classification of noisy strings."""

from __future__ import annotations

import numpy as np

from icl.pretrain.games.base import Game, Part, Table, ids, size
from icl.pretrain.strings import Noise

MOST_WAYS, MOST_SHOTS = 10, 5
LAYERED = (14, 84)  # fewest and most words of a string of three layers
QUESTIONS = 4  # of one text; with more, answered questions would serve as examples


class Matching(Game):
    """Strings with the label of their class, then strings whose label is asked for."""

    def write(self, table: Table) -> list[Part]:
        """Demonstrations, then a few questions."""
        rng, form = table.rng, table.draw_format()
        ways, shots, most = _shape(table)
        paths, noise = draw_classes(table, ways, most)
        names = draw_names(table, ways)
        labels = [form.label(name) for name in names]
        parts = [ids(form.opening(names))]
        demonstrations = np.repeat(np.arange(ways), shots)
        rng.shuffle(demonstrations)
        turns = [(turn, False) for turn in demonstrations.tolist()]
        turns += [(turn, True) for turn in rng.integers(ways, size=QUESTIONS).tolist()]
        used = size(parts)
        for turn, asked in turns:
            points = table.maker.string_points(paths[turn], noise)
            runs = [Part(*run) for run in form.write(points, labels[turn], asked)]
            used += size(runs)
            if used > table.tokens:
                break
            parts += runs
        return parts


def _shape(table: Table) -> tuple[int, int, int]:
    """Ways, shots and longest string, so that examples fill four fifths of the room."""
    rng = table.rng
    most = table.draw_length(max(table.length[0], table.tokens // 3 - 4))
    examples = max(2, int(0.8 * table.tokens / (most + 4)))
    ways = int(rng.integers(2, min(MOST_WAYS, examples) + 1))
    return ways, max(1, min(MOST_SHOTS, examples // ways)), most


def draw_classes(table: Table, ways: int, most: int) -> tuple[list[np.ndarray], Noise]:
    """Paths of some classes, and how far their strings may differ.

    In half of the texts all classes lean towards one path, as words of one speaker do, and differ
    by less; only the whole string tells them apart then.
    """
    rng = table.rng
    alike = float(rng.uniform(0.2, 0.7)) if rng.random() < 0.5 else 0.0
    low = max(table.length[0], round(0.6 * most))
    lengths = rng.integers(low, max(low, most) + 1, size=ways + 1)
    common, *own = (table.maker.path(int(length)) for length in lengths)
    paths = []
    for path in own:
        along = np.linspace(0, len(common) - 1, len(path)).round().astype(int)
        paths.append(alike * common[along] + (1 - alike) * path)
    return paths, table.noise.scaled(float(rng.uniform(0.2, 1.0)) * (1 - alike))


def draw_takes(table: Table, count: int, room: int) -> tuple[list[list[np.ndarray]], Noise]:
    """What the strings of some names tell, and how far two takes may differ.

    In half of the texts that is one path. Otherwise it is three, each with twice the words of the
    one before, as a codec of three scales has them.

    Args:
        table: of the game.
        count: names.
        room: words that a string may have.
    """
    if room < LAYERED[0] or table.rng.random() < 0.5:
        most = min(table.draw_length(), max(table.length[0], room))
        paths, noise = draw_classes(table, count, most)
        return [[path] for path in paths], noise
    words = int(table.rng.integers(LAYERED[0], min(LAYERED[1], room) + 1))
    paths, noise = draw_classes(table, count, max(1, words // 7))
    finer = [[table.maker.path(times * len(path)) for times in (2, 4)] for path in paths]
    return [[path, *rest] for path, rest in zip(paths, finer, strict=True)], noise


def draw_names(table: Table, count: int) -> list[str]:
    """Distinct labels: mostly a word, else two words or a number."""
    rng = table.rng
    kind = rng.choice(3, p=(0.75, 0.15, 0.1))
    if kind == 2:
        return [str(number) for number in rng.choice(10 if count <= 10 else 100, count, False)]
    words = [table.spell.text(token) for token in table.draw_words(count * (1 + int(kind)))]
    return [" ".join(words[at :: count]) for at in range(count)]
