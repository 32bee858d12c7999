"""A grammar of sound: exactly the right number of words of each scale, so that all decodes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

Path = tuple[int, ...]  # tokens of a word so far
State = tuple[int, int, Path] | None  # scale from 0, whole words of it, the word so far


class Words(Protocol):
    """What a grammar is made of, such as a `BoundVocabulary`; compared by identity or hashable."""

    token_ids: Sequence[Sequence[Path]]  # of each scale, of each of its words


class _Book:
    """Words of one scale, and the token ids that may follow each place inside a word."""

    def __init__(self, spelled: Sequence[Path], number: int) -> None:
        self.words = set(map(tuple, spelled))
        inside: dict[Path, dict[int, None]] = {(): {}}
        for word in spelled:
            for length, token in enumerate(word):
                inside.setdefault(word[:length], {})[token] = None
        starts = inside[()]
        open_ends = [path for path in inside if path in self.words]
        if open_ends and any(starts.keys() & tokens.keys() for p, tokens in inside.items() if p):
            raise ValueError(
                f"scale {number} has a word that begins another word, so its end is unknown "
                "while it is generated; use an LLM that spells the codec's words otherwise"
            )
        for path in open_ends:  # the word may go on, or be over and the next one begin
            inside[path] = {**inside[path], **starts}
        self.following = {path: torch.tensor([*tokens]) for path, tokens in inside.items()}
        self.single = all(len(word) == 1 for word in self.words)
        self._begun = {word[:length] for word in self.words for length in range(1, len(word) + 1)}

    def begun(self, path: Path) -> bool:
        """Whether ``path`` is a word or the beginning of one."""
        return path in self._begun

    def goes_on(self, path: Path) -> bool:
        """Whether a longer word begins with ``path``."""
        return path in self.following


@lru_cache(maxsize=4)  # depends on nothing but the words and the tokenizer
def _books(vocabulary: Words) -> tuple[_Book, ...]:
    known: dict[int, _Book] = {}
    for number, spelled in enumerate(vocabulary.token_ids, start=1):
        if id(spelled) not in known:  # scales that share their words share the book
            known[id(spelled)] = _Book(spelled, number)
    return tuple(known[id(spelled)] for spelled in vocabulary.token_ids)


class ScaleGrammar:
    """Exactly ``counts[k]`` words of codebook k, scale after scale: every stream decodes.

    Inside a scale a word that begins another one may be followed by either, as the next token
    tells; a scale's last word is over as soon as it is a word.

    Args:
        vocabulary: words of each scale as token ids of the LLM in use.
        counts: words of each scale, coarse to fine; at most K entries.

    Raises:
        ValueError: more counts than scales, a negative count, or words of a scale that a stream
            could hold in two ways.
    """

    def __init__(self, vocabulary: Words, counts: Sequence[int]) -> None:
        available = len(vocabulary.token_ids)
        if len(counts) > available or min(counts, default=0) < 0:
            raise ValueError(f"counts {list(counts)} do not fit {available} scales")
        self.counts = tuple(counts)
        self._books = _books(vocabulary)[: len(counts)]

    def start(self) -> State:
        """Before the first word."""
        return self._settle(0, 0)

    def step(self, state: State, token: int) -> State:
        """After one more token."""
        if state is None:
            raise ValueError(f"token {token} comes after the last word")
        scale, done, path = state
        book, last = self._books[scale], done + 1 == self.counts[scale]
        if not book.begun((*path, token)) and path in book.words:
            path, done = (), done + 1  # the word was over
            last = done + 1 == self.counts[scale]
        path = (*path, token)
        if not book.begun(path):
            raise ValueError(f"token {token} goes on with no word of scale {scale + 1}")
        if path in book.words and (last or not book.goes_on(path)):
            return self._settle(scale, done + 1)
        return scale, done, path

    def allowed(self, state: State) -> Tensor | None:
        """Token ids that may follow; None when the last word is complete."""
        return None if state is None else self._books[state[0]].following[state[2]]

    def ahead(self, state: State) -> int:
        """For how many tokens `allowed` stays as it is, whatever comes; at least 1."""
        scale, done, _ = state
        book, total = self._books[scale], -done
        if not book.single:
            return 1
        for other, count in zip(self._books[scale:], self.counts[scale:], strict=True):
            if count and other is not book:
                break
            total += count
        return total

    def _settle(self, scale: int, done: int) -> State:
        """The place before a word, in the next scale that has one left."""
        while scale < len(self.counts) and done == self.counts[scale]:
            scale, done = scale + 1, 0
        return None if scale == len(self.counts) else (scale, done, ())
