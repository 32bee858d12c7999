"""Random words, a mark, the same words again."""

from __future__ import annotations

from icl.pretrain.games.base import Game, Part, Table, ids


class Repetition(Game):
    """Copying word for word, at any length the text has room for."""

    def write(self, table: Table) -> list[Part]:
        """As many words as there is room for, or fewer."""
        return self.copy(table, int(table.rng.integers(4, max(5, table.tokens // 2 - 3))))

    def copy(self, table: Table, length: int) -> list[Part]:
        """Words with repetitions among them, so that one word does not tell what comes next."""
        rng = table.rng
        pool = table.draw_words(int(rng.integers(2, min(length + 2, len(table.labels) + 1))))
        words = rng.choice(pool, size=length)
        mark = table.spell.ids(str(rng.choice([" =", "\n", " ->", ":"])))
        return [ids(words), ids(mark), ids(words, target=True), ids(table.spell.ids("\n"))]
