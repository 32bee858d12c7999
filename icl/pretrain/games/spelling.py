"""Words and their letters."""

from __future__ import annotations

from icl.pretrain.games.base import Game, Part, Table, ids, size


class Spelling(Game):
    """Lines such as ``river: r i v e r``."""

    def write(self, table: Table) -> list[Part]:
        """Words with their letters, each letter a token of its own."""
        rng, spell, parts = table.rng, table.spell, []
        sign = spell.ids(str(rng.choice([":", " ="])))
        while size(parts) < min(table.tokens, 160) - 20:
            word = table.spell.text(table.draw_words(1)[0])
            letters = spell.ids("".join(f" {letter}" for letter in word))
            parts += [ids(spell.ids(f" {word}")), ids(sign), ids(letters, target=True)]
            parts.append(ids(spell.ids("\n")))
        return parts
