"""Ways to write an example in a word game; the prompt templates of `icl` are among them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from transformers import PreTrainedTokenizerBase

MARKS = (" =", " ->", "Input", "Output", "###", " <", " >", " is", ":", "?", " +", " -")


class Speller:
    """Token ids of text, each text worked out once.

    Args:
        tokenizer: of the model.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.ids = lru_cache(maxsize=100_000)(self._ids)

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(text, add_special_tokens=False)) if text else ()

    def text(self, token: int) -> str:
        """The word of a token, without the space before it."""
        return self.tokenizer.decode([int(token)]).strip()


class Format:
    """How a demonstration and a question are written, as token ids.

    Args:
        spell: text to ids.
        demonstration: text with ``{string}`` and ``{label}`` in it.
        question: likewise; what the label follows from stands before it.
        weight: how often it is drawn.
        instruction: first line; ``{labels}`` becomes ``'a' or 'b'``, in sorted order.
    """

    def __init__(
        self, spell: Speller, demonstration: str, question: str, weight: float,
        instruction: str = "",
    ) -> None:
        self.texts = (demonstration, question)
        self.weight, self.instruction, self._spell = weight, instruction, spell
        self.bare = " {label}" in question  # the space is the format's, so the label has none
        self._pieces = [
            [piece if piece in ("{string}", "{label}") else spell.ids(piece)
             for piece in re.split(r"({string}|{label})", text) if piece]
            for text in self.texts
        ]

    def write(
        self, string: np.ndarray, label: Sequence[int], question: bool
    ) -> list[tuple[np.ndarray, bool]]:
        """Runs of one example in order, and whether each is the label that a question asks for.

        Args:
            string: ids (N,) or points (N, core).
            label: ids.
            question: which of the two ways to write.
        """
        filled = {"{string}": string, "{label}": np.asarray(label, dtype=np.int64)}
        runs = []
        for piece in self._pieces[question]:
            literal = isinstance(piece, tuple)
            content = np.asarray(piece, dtype=np.int64) if literal else filled[piece]
            runs.append((content, question and piece == "{label}"))
        return runs

    def label(self, name: str) -> tuple[int, ...]:
        """Ids of a label, spelled as this format has it."""
        return self._spell.ids(name if self.bare else f" {name}")

    def opening(self, names: Sequence[str]) -> tuple[int, ...]:
        """Ids of the first line, which lists the labels."""
        quoted = " or ".join(f"'{name}'" for name in sorted(names))
        return self._spell.ids(self.instruction.format(labels=quoted))


def read_formats(spell: Speller) -> list[Format]:
    """All formats, the pocket template first, the published one (UniAudio 1.5, App. C) third."""
    last = "{string} ={label}\n"
    arrow = "{string} ->{label}\n"
    named = "Input:{string}\nOutput:{label}\n"
    sentence = "<{string} > is{label}."
    published = "###\nInput: < {string} >\nOutput: {label}"
    induction = "For each of the following input output pairs, output is one of [{labels}]\n"
    return [
        Format(spell, "{label}:{string}\n", "?:{string} ={label}\n", 8),
        Format(spell, last, last, 2),
        Format(spell, published, published, 0.5, induction),
        Format(spell, published, published, 0.5),
        Format(spell, arrow, arrow, 0.5),
        Format(spell, named, named, 0.5),
        Format(spell, sentence, sentence, 0.5),
        Format(spell, "{label} ={string}\n", "? ={string} ->{label}\n", 0.5),
    ]
