"""Word vectors from co-occurrence: where the pocket LLM's embeddings start."""

from __future__ import annotations

import numpy as np


def cooccurrence_vectors(tokens: np.ndarray, size: int, width: int, window: int = 4) -> np.ndarray:
    """Truncated SVD of the positive pointwise mutual information between nearby tokens.

    Levy & Goldberg (2014): this is what skip-gram vectors factorise, at none of the training cost.

    Args:
        tokens: (L,) token ids.
        size: vocabulary size V.
        width: vector width E.
        window: how far apart two tokens may be.

    Returns:
        (V, E) float32, columns in falling order of singular value, each of unit variance.
    """
    counts = np.zeros((size, size), dtype=np.float32)
    for distance in range(1, window + 1):
        pairs = tokens[:-distance].astype(np.int64) * size + tokens[distance:]
        values, repeats = np.unique(pairs, return_counts=True)
        np.add.at(counts.reshape(-1), values, repeats / distance)
    counts += counts.T
    mass = counts.sum(axis=1) + 1e-6
    context = mass**0.75 / (mass**0.75).sum()  # context smoothing, ibid. §3.2
    with np.errstate(divide="ignore"):
        pmi = np.log(counts / (mass[:, None] * context[None, :]))
    pmi = np.maximum(pmi, 0)
    _, vectors = np.linalg.eigh(pmi @ pmi.T)
    vectors = vectors[:, ::-1][:, :width]
    return _gaussian_columns(vectors).astype(np.float32)


def _gaussian_columns(values: np.ndarray) -> np.ndarray:
    """Replace each column by normal quantiles of its ranks: same order, no heavy tails.

    Ours: with raw vectors most words crowd near the origin, where no string of near words can be
    told from another.
    """
    rng = np.random.default_rng(0)
    normal = np.sort(rng.standard_normal(len(values)))
    ranks = values.argsort(axis=0).argsort(axis=0)
    return normal[ranks]

