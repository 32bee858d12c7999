"""Words and the label of their category, which examples alone define."""

from __future__ import annotations

import lzma
from collections import defaultdict
from pathlib import Path

import numpy as np

from icl.pretrain.games.base import Game, Part, Table, ids, size
from icl.pretrain.games.matching import draw_names

LEAST, MOST = 8, 80  # words in a category: fewer cannot be asked about, more mean little
LEVELS = 3  # concepts above a word that it is counted for
# Concepts that training leaves out, whatever the words; some share most words with one it has.
HELD_OUT = ("artifact", "cognition", "decision making", "extremity", "influence", "location",
            "organism", "possession", "social group", "time")


class Categories(Game):
    """``horse = river``: words of a few categories, each under an arbitrary label."""

    def write(self, table: Table) -> list[Part]:
        """Four examples or so of each category, then questions; nothing without categories."""
        rng, form = table.rng, table.draw_format()
        ways, shots = int(rng.integers(2, 5)), int(rng.integers(2, 7))
        if len(table.groups) < ways:
            return []
        chosen = rng.choice(len(table.groups), size=ways, replace=False)
        groups: list[np.ndarray] = []
        for number in chosen:  # a word may be of several categories, but not within one text
            taken = np.concatenate([*groups, np.zeros(0, int)])
            groups.append(rng.permutation(np.setdiff1d(table.groups[number], taken)))
        names = draw_names(table, ways)
        turns = [(way, at) for way, group in enumerate(groups) for at in range(len(group))]
        parts = [ids(form.opening(names))]
        for way, at in sorted(turns, key=lambda turn: (turn[1] >= shots, rng.random())):
            runs = form.write(groups[way][at : at + 1], form.label(names[way]), at >= shots)
            if size(parts) + sum(len(content) for content, _ in runs) > table.tokens:
                break
            parts += [Part(*run) for run in runs]
        return parts


def held_out(groups: dict[str, np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Categories to train on, and those of `HELD_OUT`."""
    trained = [words for name, words in groups.items() if name not in HELD_OUT]
    return trained, [words for name, words in groups.items() if name in HELD_OUT]


def read_groups(path: Path, tokens: dict[str, int]) -> dict[str, np.ndarray]:
    """Categories of a WordNet table: nouns, in their first sense, below one concept.

    Args:
        path: ``.tsv`` or ``.tsv.xz`` with a header of word, pos, definition, hypernyms, sense.
        tokens: word -> token id; other words are left out.

    Returns:
        token ids of each category of `LEAST` to `MOST` words by the concept's name, sorted.

    Raises:
        OSError, ValueError: the table cannot be read.
    """
    raw = path.read_bytes()
    try:
        text = (lzma.decompress(raw) if path.suffix == ".xz" else raw).decode("utf-8")
    except lzma.LZMAError as error:
        raise ValueError(f"{path} is damaged ({error}); copy it anew") from error
    header, *rows = [line.split("\t") for line in text.splitlines()]
    word, pos, above, sense = map(header.index, ("word", "pos", "hypernyms", "sense"))
    parents = {row[word]: row[above].split("; ")[0] for row in rows
               if row[pos] == "n" and row[sense] == "1" and row[above]}
    groups: dict[str, set[int]] = defaultdict(set)
    for name in sorted(parents.keys() & tokens.keys()):
        concept = name
        for _ in range(LEVELS):
            if (concept := parents.get(concept, "")) == "":
                break
            groups[concept].add(tokens[name])
    return {concept: np.array(sorted(members)) for concept, members in sorted(groups.items())
            if LEAST <= len(members) <= MOST}
