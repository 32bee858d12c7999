"""Training batches: prose and word games, cut to one size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from icl.pretrain.games import GAMES, Part, Table


@dataclass(frozen=True)
class Batch:
    """One step's input.

    Args:
        input_ids: (B, L) int64.
        target: (B, L) bool; token t is trained on (predicted from those before it).
    """

    input_ids: torch.Tensor
    target: torch.Tensor


def prose_batch(
    corpus: np.ndarray, rows: int, length: int, rng: np.random.Generator, bos: int
) -> Batch:
    """Random stretches of the corpus; every token but the first, ``bos``, is a target.

    Texts of games begin with ``bos`` too, so that it tells nothing about what follows.

    Args:
        corpus: (N,) token ids.
        rows: B.
        length: L.
        rng: where the stretches start.
        bos: token every text begins with.

    Raises:
        ValueError: the corpus is shorter than one row.
    """
    if len(corpus) < length:
        raise ValueError(f"the text has {len(corpus)} tokens but one row needs {length}")
    starts = rng.integers(len(corpus) - length + 1, size=rows)
    stretches = [[bos, *corpus[start : start + length - 1]] for start in starts]
    rows_ids = np.array(stretches, dtype=np.int64)
    target = np.ones_like(rows_ids, dtype=bool)
    target[:, 0] = False
    return Batch(torch.from_numpy(rows_ids), torch.from_numpy(target))


def game_batch(table: Table, shares: dict[str, float], rows: int, bos: int, pad: int) -> Batch:
    """Texts of word games, right-padded.

    Args:
        table: what the games are played with; its ``tokens`` are the room L for one text.
        shares: game name -> share of the rows.
        rows: B.
        bos: token every text begins with.
        pad: token that fills the rest.

    Returns:
        (B, L + 1), one more for ``bos``; a text that is longer is cut.
    """
    names, weights = list(shares), np.array(list(shares.values()), dtype=float)
    drawn = table.rng.choice(len(names), size=rows, p=weights / weights.sum())
    texts = [GAMES[names[game]].write(table) for game in drawn]
    flat = [part for text in texts for part in text]
    contents = iter(spell_parts(flat, table))
    length = table.tokens + 1
    input_ids = np.full((rows, length), pad, dtype=np.int64)
    target = np.zeros((rows, length), dtype=bool)
    for row, text in enumerate(texts):
        words = np.concatenate([[bos], *(next(contents) for _ in text)])
        flags = np.repeat([False, *(part.target for part in text)],
                          [1, *(len(part.content) for part in text)])
        size = min(len(words), length)
        input_ids[row, :size], target[row, :size] = words[:size], flags[:size]
    return Batch(torch.from_numpy(input_ids), torch.from_numpy(target))


def spell_parts(parts: list[Part], table: Table) -> list[np.ndarray]:
    """Turn every part's points into words, all in one search."""
    points = [part.content for part in parts if part.content.ndim == 2]
    if not points:
        return [part.content for part in parts]
    words = table.maker.space.nearest(np.concatenate(points))
    pieces = iter(np.split(words, np.cumsum([len(p) for p in points])[:-1]))
    return [next(pieces) if part.content.ndim == 2 else part.content for part in parts]
