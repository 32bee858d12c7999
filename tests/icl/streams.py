"""Everything a grammar lets through, for grammars small enough."""

from collections.abc import Iterator

from icl.constraint import Grammar, walk


def streams(grammar: Grammar, start: tuple[int, ...] = ()) -> Iterator[tuple]:
    """Whole streams that begin with ``start``."""
    following = grammar.allowed(walk(grammar, start))
    if following is None:
        yield start
        return
    for token in following.tolist():
        yield from streams(grammar, (*start, token))
