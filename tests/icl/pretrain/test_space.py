"""The nearest word is the nearest word."""

import numpy as np
import pytest

from icl.pretrain.space import WordSpace


def test_nearest_equals_a_search_of_all_words(space):
    points = np.random.default_rng(1).standard_normal((300, space.core)) * 2
    distances = ((points[:, None].astype(np.float64) - space.points[None]) ** 2).sum(axis=2)
    assert (space.nearest(points) == space.words[distances.argmin(axis=1)]).all()


def test_a_word_is_nearest_to_its_own_point(space):
    assert (space.nearest(space.points) == space.words).all()


def test_points_are_principal_directions_of_unit_spread(space, word_ids):
    assert space.points.shape == (len(word_ids), 4) and space.points.dtype == np.float32
    correlation = np.corrcoef(space.points.T)
    assert np.allclose(correlation, np.eye(4), atol=1e-4)
    assert np.allclose(space.points.std(axis=0), 1, atol=1e-4)


def test_only_the_strongest_directions_count():
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((50, 8)) * np.array([9, 8, 7, 1, 1, 1, 1, 1])
    space = WordSpace(embeddings, np.arange(50), core=3)
    basis, *_ = np.linalg.lstsq(embeddings - embeddings.mean(axis=0), space.points, rcond=None)
    assert np.linalg.norm(basis[:3]) > 5 * np.linalg.norm(basis[3:])


def test_samples_are_points_of_words_and_seeded(space):
    first, again = (space.sample(20, np.random.default_rng(3)) for _ in range(2))
    assert first.shape == (20, 4) and np.array_equal(first, again)
    assert all((point == space.points).all(axis=1).any() for point in first)


@pytest.mark.parametrize("core", [1, 4, 24])
def test_the_core_is_the_number_of_directions(core, word_ids, tokenizer):
    embeddings = np.random.default_rng(0).standard_normal((len(tokenizer), 24))
    assert WordSpace(embeddings, word_ids, core).core == core
