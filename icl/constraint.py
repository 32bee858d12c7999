"""What may come next: small objects that list the token ids a generated stream may go on with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llm_codec.vocabulary import BoundVocabulary

Node = dict[int, "Node"]


class LabelTrie:
    """The token sequences of some labels, with shared beginnings stored once.

    A position-wise mask (UniAudio 1.5's released script) also lets through mixtures such as the
    first piece of one label with the second of another; a trie allows the labels and nothing else.

    Args:
        sequences: token ids of each label; every one non-empty.

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
        self.prefix_free = self._leaves() == len(set(map(tuple, sequences)))

    def allowed(self, generated: Sequence[int]) -> tuple[int, ...] | None:
        """Token ids that may follow ``generated``; None where no label goes on.

        Raises:
            ValueError: ``generated`` is not the beginning of any label.
        """
        return tuple(self._at(generated)) or None

    def branches(self) -> Iterator[tuple[int, ...]]:
        """Every beginning that some label goes on from, depth first, the empty one first.

        Running a model once for each of these scores all labels, shared beginnings once.
        """
        stack: list[tuple[tuple[int, ...], Node]] = [((), self._root)]
        while stack:
            path, node = stack.pop()
            yield path
            stack.extend(((*path, token), child) for token, child in node.items() if child)

    def _leaves(self) -> int:
        return sum(not child for path in self.branches() for child in self._at(path).values())

    def _at(self, generated: Sequence[int]) -> Node:
        node = self._root
        for position, token in enumerate(generated):
            if token not in node:
                raise ValueError(f"token {token} at position {position} begins no label")
            node = node[token]
        return node


class ScaleGrammar:
    """Exactly ``counts[k]`` words of codebook k, scale after scale: every stream decodes.

    Args:
        vocabulary: codebook words as token ids of the LLM in use.
        counts: words of each scale, coarse to fine; at most K entries.

    Raises:
        ValueError: more counts than scales, a negative count, or a word that begins another of
            the same scale.
    """

    def __init__(self, vocabulary: BoundVocabulary, counts: Sequence[int]) -> None:
        books = vocabulary.token_ids
        if len(counts) > len(books) or min(counts, default=0) < 0:
            raise ValueError(f"counts {list(counts)} do not fit {len(books)} scales")
        self.counts = tuple(counts)
        self._tries = [LabelTrie(book) for book in books[: len(counts)]]
        for number, trie in enumerate(self._tries, start=1):
            if not trie.prefix_free:
                raise ValueError(
                    f"scale {number} has a word that begins another word, so its end is unknown "
                    "while it is generated; use an LLM that spells the codec's words otherwise"
                )

    def allowed(self, generated: Sequence[int]) -> tuple[int, ...] | None:
        """Token ids that may follow ``generated``; None when the last word is complete.

        Raises:
            ValueError: ``generated`` breaks the grammar; the message says where.
        """
        start = 0
        for trie, count in zip(self._tries, self.counts, strict=True):
            for _ in range(count):
                stop = start
                while (following := trie.allowed(generated[start:stop])) is not None:
                    if stop == len(generated):
                        return following
                    stop += 1
                start = stop
        if start < len(generated):
            raise ValueError(f"the stream ended at token {start} but {len(generated)} were given")
        return None
