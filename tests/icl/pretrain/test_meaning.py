"""Words that stand together get vectors that lie together."""

import numpy as np
import pytest

from icl.pretrain.meaning import cooccurrence_vectors

SIZE, WIDTH = 60, 16


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Of a stream in which runs of tokens 0-29 and runs of tokens 30-59 take turns."""
    rng = np.random.default_rng(0)
    runs = [rng.integers(30, size=12) + 30 * rng.integers(2) for _ in range(2000)]
    return cooccurrence_vectors(np.concatenate(runs).astype(np.uint16), SIZE, WIDTH)


def cosines(values: np.ndarray) -> np.ndarray:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit @ unit.T


def test_vectors_have_a_row_per_token_and_columns_of_one_size(vectors):
    assert vectors.shape == (SIZE, WIDTH) and vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    spread = vectors.std(axis=0)
    assert np.allclose(spread, spread[0]) and 0.8 < spread[0] < 1.2


def test_tokens_of_one_topic_are_nearer_than_others(vectors):
    near = cosines(vectors)
    same = (np.arange(SIZE) < 30)[:, None] == (np.arange(SIZE) < 30)[None, :]
    off = ~np.eye(SIZE, dtype=bool)
    assert near[same & off].mean() > near[~same].mean() + 0.05
    first = vectors[:, :2]  # the strongest directions tell the topics apart
    gap = np.abs(first[:30].mean(axis=0) - first[30:].mean(axis=0)).max()
    assert gap > 1.0


def test_tokens_that_never_occur_do_no_harm():
    vectors = cooccurrence_vectors(np.array([0, 1, 2, 1, 0] * 20), size=10, width=4)
    assert vectors.shape == (10, 4) and np.isfinite(vectors).all()
