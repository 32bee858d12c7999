"""Numbers, said in words or digits: what sums, roots and the like come to, and how many."""

from __future__ import annotations

import numpy as np

from icl import spoken
from icl.pretrain.games.base import Game, Part, Table, ids, size

WORDS = (*spoken.WORDS, "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
         "seventeen", "eighteen")


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


def draw_question(value: int, rng: np.random.Generator, words: bool) -> str:
    """What else gives a value 0 .. 9: a product, a root, a digit of a number, or a sequence.

    Args:
        value: the answer.
        rng: source of every choice.
        words: whether digits are spelled out, numbers of two digits one by one.
    """

    def spelled(number: int) -> str:
        digits = str(number)
        return " ".join(say(int(digit), rng, True) for digit in digits) if words else digits

    kind, other = int(rng.integers(4)), int(rng.integers(1, 10))
    if kind == 0:
        factors = [n for n in range(1, 10) if value % n == 0]
        first = int(rng.choice(factors))
        pair = [first, value // first]
        rng.shuffle(pair)
        return f" {'times' if words else '*'} ".join(map(spelled, pair))
    if kind == 1:
        return f"square root of {spelled(value * value)}"
    if kind == 2 and (value == 0 or rng.random() < 0.5):
        return f"last digit of {spelled(10 * other + value)}"
    if kind == 2:
        return f"first digit of {spelled(10 * value + other)}"
    step = int(rng.choice([sign for sign in (1, -1) if 0 <= value - 2 * sign <= 9]))
    most = value if step == 1 else 9 - value
    count = int(rng.integers(2, min(4, most) + 1))
    return "next after " + " ".join(spelled(value - step * back) for back in range(count, 0, -1))


def draw_problem(rng: np.random.Generator, words: bool) -> tuple[str, int]:
    """A question and its answer; three in four are sums or differences."""
    if rng.random() < 0.25:
        value = int(rng.integers(10))
        return draw_question(value, rng, words), value
    value = int(rng.integers(19))
    return draw_expression(value, rng, words), value


class Arithmetic(Game):
    """One-digit sums and differences, and what else has a digit for an answer, one a line."""

    def write(self, table: Table) -> list[Part]:
        """Lines such as `` 3 + 4 = 7``, all in words or all in digits."""
        rng, spell, parts = table.rng, table.spell, []
        words = bool(rng.random() < 0.5)
        sign = str(rng.choice([" =", ":", " is"]))
        while size(parts) < min(table.tokens, 160) - 10:
            asked, value = draw_problem(rng, words)
            question = f" {asked}{sign}"
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
