"""Digits and signs as the words that they are read as."""

from __future__ import annotations

import re

HYPHEN = re.compile(r"(?<=[^\W\d])-(?=[^\W\d])")  # between letters
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
READ = {"+": "plus", "-": "minus", "*": "times", **{str(n): word for n, word in enumerate(WORDS)}}


def spoken(text: str) -> str:
    """``1 + 1`` as ``one plus one``; a number of several digits is read digit by digit.

    A hyphen between letters joins them: ``twenty-one`` is no difference.
    """
    spaced = "".join(f" {sign} " if sign in READ else sign for sign in HYPHEN.sub(" ", text))
    return " ".join(READ.get(word, word) for word in spaced.split())
