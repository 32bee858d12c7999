"""Words that stand together get vectors that lie together."""

import numpy as np
import pytest

from icl.pretrain.meaning import cooccurrence_vectors, starting_embeddings

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


def test_starting_embeddings_keep_their_variance_in_the_core(vectors):
    embeddings = starting_embeddings(vectors, core=4)
    assert embeddings.shape == (SIZE, WIDTH) and embeddings.dtype == np.float32
    assert embeddings.std() == pytest.approx(0.02, rel=1e-3)
    values = np.linalg.svd(embeddings - embeddings.mean(axis=0), compute_uv=False) ** 2
    assert values[:4].sum() > 0.6 * values.sum()


def test_the_rotation_keeps_distances_of_the_weighted_vectors(vectors):
    embeddings = starting_embeddings(vectors, core=WIDTH)  # all directions weigh the same
    assert np.allclose(cosines(embeddings), cosines(vectors), atol=1e-4)
