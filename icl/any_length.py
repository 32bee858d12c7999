"""A grammar of sound whose length is free: the words of one of several lengths, then an end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import torch
from torch import Tensor

from icl.constraint import walk
from icl.scale_grammar import ScaleGrammar
from icl.scale_grammar import State as Place
from icl.scale_grammar import Words

State = tuple[tuple[ScaleGrammar, Place], ...]  # lengths that fit so far, the shortest first


class AnyLength:
    """The union of the `ScaleGrammar`s of several lengths, so that whatever comes out decodes.

    Where a length is complete, the end token closes the stream. Where nothing else is left, as
    after the last word of the longest, the stream is over without it.

    A stream has one reading. Of words that are single tokens, N tokens are the length of N words.
    Words of several tokens may fit two lengths: then it is the one of fewer words. A token that
    is a word as well as the end is the end wherever that can come.

    Args:
        vocabulary: words of each scale as token ids of the LLM in use.
        counts: of each length, words of each scale, coarse to fine; repeated ones count once.
        end: token id.

    Raises:
        ValueError: no length, one without words, different ones of as many words in all, which
            no stream could tell apart, or what `ScaleGrammar` refuses.
    """

    def __init__(
        self, vocabulary: Words, counts: Sequence[Sequence[int]], end: int
    ) -> None:
        lengths = sorted(set(map(tuple, counts)), key=sum)
        totals = [*map(sum, lengths)]
        if not totals or totals[0] < 1 or len(set(totals)) < len(totals):
            raise ValueError(
                f"lengths of {lengths} words; expected one or more, each of another number of "
                "words in all, 1 or more"
            )
        self.end = end
        self._grammars = [ScaleGrammar(vocabulary, words) for words in lengths]
        self._unions: dict[tuple[int, ...], Tensor] = {}

    def start(self) -> State:
        """Before the first word, where all lengths fit."""
        return tuple((grammar, grammar.start()) for grammar in self._grammars)

    def step(self, state: State, token: int) -> State:
        """The lengths that still fit after one more token."""
        if token == self.end and (complete := _complete(state)):
            return complete
        going: list[tuple[ScaleGrammar, Place]] = []
        for grammar, place in state:
            with suppress(ValueError):
                going.append((grammar, grammar.step(place, token)))
        if not going:
            raise ValueError(f"token {token} goes on with no length of sound")
        return tuple(going)

    def allowed(self, state: State) -> Tensor | None:
        """Token ids that may follow, the end token where a length is complete; None at the end."""
        books = _books(state)
        if not books:
            return None
        ends = [torch.tensor([self.end])] if _complete(state) else []
        if len(books) == 1 and not ends:
            return books[0]
        key = (len(ends), *map(id, books))
        if key not in self._unions:
            self._unions[key] = torch.cat([*books, *ends]).unique()
        return self._unions[key]

    def ahead(self, state: State) -> int:
        """For how many tokens `allowed` stays as it is, whatever comes; at least 1."""
        if _complete(state) or len(_books(state)) > 1:
            return 1
        return min(grammar.ahead(place) for grammar, place in state)

    def read(self, ids: Sequence[int]) -> tuple[list[int], tuple[int, ...]]:
        """Tokens of the words of a whole stream, and how many words of each scale they are.

        Raises:
            ValueError: the stream breaks the grammar, or is not over.
        """
        before, after = walk(self, ids[:-1]), walk(self, ids)
        if _books(after):
            raise ValueError(f"the stream of {len(ids)} tokens is not over")
        closed = ids[-1] == self.end and _complete(before)
        return [*(ids[:-1] if closed else ids)], after[0][0].counts


def _complete(state: State) -> State:
    """The lengths all of whose words are there."""
    return tuple(pair for pair in state if pair[1] is None)


def _books(state: State) -> list[Tensor]:
    """The different sets of tokens that the other lengths go on with."""
    following = [grammar.allowed(place) for grammar, place in state if place is not None]
    return [*{id(tokens): tokens for tokens in following}.values()]
