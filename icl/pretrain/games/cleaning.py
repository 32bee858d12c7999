"""Noisy strings and the clean string that each stands for."""

from __future__ import annotations

import numpy as np

from icl.pretrain.games.base import Game, Part, Table, ids, size
from icl.pretrain.games.matching import draw_takes


class Cleaning(Game):
    """``noisy = clean`` lines; a clean string is the answer once its content was shown."""

    def write(self, table: Table) -> list[Part]:
        """One to four contents, each in several noisy forms, in random order."""
        rng, spell = table.rng, table.spell
        count = int(rng.integers(1, 5))
        takes, noise = draw_takes(table, count, table.tokens // (6 * count))
        clean = [table.maker.space.nearest(np.concatenate(paths)) for paths in takes]
        sign = ids(spell.ids(str(rng.choice([" =", " ->"]))))
        parts: list[Part] = []
        seen: set[int] = set()
        for turn in rng.integers(count, size=40).tolist():
            points = table.maker.layered_points(takes[turn], noise)
            line = [Part(points), sign, ids(clean[turn], target=turn in seen)]
            line.append(ids(spell.ids("\n")))
            if size(parts) + size(line) > table.tokens:
                break
            parts += line
            seen.add(turn)
        return parts
