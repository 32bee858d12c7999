"""Digits and signs as the words that they are read as."""

from __future__ import annotations

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
READ = {"+": "plus", "-": "minus", "*": "times", **{str(n): word for n, word in enumerate(WORDS)}}


def spoken(text: str) -> str:
    """``1 + 1`` as ``one plus one``; a number of several digits is read digit by digit."""
    spaced = "".join(f" {sign} " if sign in READ else sign for sign in text)
    return " ".join(READ.get(word, word) for word in spaced.split())
