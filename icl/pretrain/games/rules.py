"""String to string by one rule that the examples show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from icl.pretrain.games.base import Game, Part, Table, ids, size

RULES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "same": lambda words: words,
    "reverse": lambda words: words[::-1],
    "first": lambda words: words[:1],
    "last": lambda words: words[-1:],
    "without first": lambda words: words[1:],
    "without last": lambda words: words[:-1],
    "each twice": lambda words: np.repeat(words, 2),
    "all twice": lambda words: np.tile(words, 2),
    "first to the end": lambda words: np.roll(words, -1),
    "every other": lambda words: words[::2],
}


class Rules(Game):
    """Lines of a string and what one of `RULES` makes of it; the first line shows the rule."""

    def write(self, table: Table) -> list[Part]:
        """Strings of two to eight words, never the same twice in a text.

        The first has three or more: of two words several rules make the same.
        """
        rng, spell = table.rng, table.spell
        rule = RULES[str(rng.choice(list(RULES)))]
        sign = ids(spell.ids(str(rng.choice([" =", " ->"]))))
        parts: list[Part] = []
        for turn in range(12):
            words = table.draw_words(int(rng.integers(2 if turn else 3, 9)))
            line = [ids(words), sign, ids(rule(words), target=turn > 0), ids(spell.ids("\n"))]
            if size(parts) + size(line) > table.tokens:
                break
            parts += line
        return parts
