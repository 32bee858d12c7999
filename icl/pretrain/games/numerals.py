"""Numbers, said in words or digits: sums and differences, and how many."""

from __future__ import annotations

import numpy as np

from icl.pretrain.games.base import Game, Part, Table, ids, size

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
         "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen")


def say(value: int, rng: np.random.Generator, words: bool | None = None) -> str:
    """A number 0 .. 18 as a word or in digits."""
    in_words = rng.random() < 0.7 if words is None else words
    return WORDS[value] if in_words else str(value)


def draw_expression(value: int, rng: np.random.Generator, words: bool | None = None) -> str:
    """A one-digit sum or difference that gives a value 0 .. 18, such as ``one + two``."""
    in_words = bool(rng.random() < 0.5) if words is None else words
    if value > 9 or rng.random() < 0.5:
        first = int(rng.integers(max(0, value - 9), min(9, value) + 1))
        second, signs = value - first, ("+", "plus")
    else:
        second = int(rng.integers(0, 10 - value))
        first, signs = value + second, ("-", "minus")
    sign = signs[int(in_words and rng.random() < 0.5)]
    return f"{say(first, rng, in_words)} {sign} {say(second, rng, in_words)}"


class Arithmetic(Game):
    """One-digit sums and differences, one a line."""

    def write(self, table: Table) -> list[Part]:
        """Lines such as `` 3 + 4 = 7``, all in words or all in digits."""
        rng, spell, parts = table.rng, table.spell, []
        words = bool(rng.random() < 0.5)
        sign = str(rng.choice([" =", ":", " is"]))
        while size(parts) < min(table.tokens, 160) - 10:
            value = int(rng.integers(0, 19))
            question = f" {draw_expression(value, rng, words)}{sign}"
            answer = f" {say(value, rng, words)}"
            parts += [ids(spell.ids(question)), ids(spell.ids(answer), target=True)]
            parts.append(ids(spell.ids("\n")))
        return parts


class Counting(Game):
    """A word some times over, then how many times."""

    def write(self, table: Table) -> list[Part]:
        """Lines such as `` bird bird bird = three``."""
        rng, spell, parts = table.rng, table.spell, []
        words = bool(rng.random() < 0.7)
        sign = str(rng.choice([" =", ":", " ->"]))
        while size(parts) < min(table.tokens, 160) - 14:
            count = int(rng.integers(1, 10))
            parts += [ids(np.repeat(table.draw_words(1), count)), ids(spell.ids(sign))]
            parts.append(ids(spell.ids(f" {say(count, rng, words)}"), target=True))
            parts.append(ids(spell.ids("\n")))
        return parts
