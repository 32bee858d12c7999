"""What may come next: small objects that say which token ids a generated stream may go on with.

A constraint is walked token by token: `start` gives a state, `step` the state after one more
token, `allowed` the token ids that may follow in a state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

Node = dict[int, "Node"]


class Grammar(Protocol):
    """Anything that can say what may come next. States are opaque and never changed in place."""

    def start(self) -> Any:
        """State before the first token."""
        ...

    def step(self, state: Any, token: int) -> Any:
        """State after ``token``; ValueError if it is not allowed."""
        ...

    def allowed(self, state: Any) -> Tensor | None:
        """Token ids that may follow: int64 (N,); None at the end."""
        ...


def walk(grammar: Grammar, ids: Sequence[int]) -> Any:
    """State after ``ids``.

    Raises:
        ValueError: ``ids`` break the grammar; the message says where.
    """
    state = grammar.start()
    for position, token in enumerate(ids):
        if grammar.allowed(state) is None:
            raise ValueError(f"the stream ended at token {position} but {len(ids)} were given")
        try:
            state = grammar.step(state, token)
        except ValueError as error:
            raise ValueError(f"position {position}: {error}") from error
    return state


class LabelTrie:
    """The token sequences of some labels, with shared beginnings stored once.

    A position-wise mask (UniAudio 1.5's released script) also lets through mixtures such as the
    first piece of one label with the second of another; a trie allows the labels and nothing else.

    Args:
        sequences: token ids of each label; every one non-empty, none the beginning of another.

    Raises:
        ValueError: no sequence, or an empty one.
    """

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        if not sequences or not all(len(sequence) for sequence in sequences):
            raise ValueError("a label trie needs at least one label and no label without tokens")
        self._root: Node = {}
        for sequence in sequences:
            node = self._root
            for token in sequence:
                node = node.setdefault(int(token), {})

    def start(self) -> Node:
        """The place before any token."""
        return self._root

    def step(self, state: Node, token: int) -> Node:
        """The place after ``token``."""
        if token not in state:
            raise ValueError(f"token {token} goes on with no label; expected one of {[*state]}")
        return state[token]

    def allowed(self, state: Node) -> Tensor | None:
        """Token ids that labels go on with, in the order the labels were given."""
        return torch.tensor([*state]) if state else None

    def sequences(self) -> Iterator[tuple[int, ...]]:
        """The labels themselves."""
        for path, following in self.branches():
            yield from ((*path, t) for t in following if not walk(self, (*path, t)))

    def branches(self) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Every beginning that some label goes on from, with the tokens it goes on with.

        Depth first, the empty beginning first. Running a model once for each of these scores all
        labels, shared beginnings once.
        """
        stack: list[tuple[tuple[int, ...], Node]] = [((), self._root)]
        while stack:
            path, node = stack.pop()
            yield path, tuple(node)
            stack.extend(((*path, token), child) for token, child in node.items() if child)


class FreeText:
    """Any tokens, one or more, up to an end token or a limit; the end token is part of them.

    Args:
        vocab_size: token ids are below this.
        end: the token that ends the text.
        limit: most tokens, the end token included.
        banned: tokens that never come, such as those of control.
    """

    def __init__(self, vocab_size: int, end: int, limit: int, banned: Sequence[int] = ()) -> None:
        self.end, self.limit = end, limit
        rest = [token for token in range(vocab_size) if token not in {*banned, end}]
        self._first, self._later = torch.tensor(rest), torch.tensor([*rest, end])

    def start(self) -> int:
        """No token yet."""
        return 0

    def step(self, state: int, token: int) -> int | None:
        """One token more, or the end."""
        return None if token == self.end or state + 1 == self.limit else state + 1

    def allowed(self, state: int | None) -> Tensor | None:
        """All token ids that are not banned; the end token after the first."""
        if state is None:
            return None
        return self._later if state else self._first
