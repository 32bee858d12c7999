"""The nearest word is the nearest word."""

import numpy as np


def test_nearest_equals_a_search_of_all_words(space):
    points = np.random.default_rng(1).standard_normal((300, space.core)) * 2
    distances = ((points[:, None].astype(np.float64) - space.points[None]) ** 2).sum(axis=2)
    assert (space.nearest(points) == space.words[distances.argmin(axis=1)]).all()


def test_a_word_is_nearest_to_its_own_point(space):
    assert (space.nearest(space.points) == space.words).all()


def test_samples_are_points_of_words_and_seeded(space):
    first, again = (space.sample(20, np.random.default_rng(3)) for _ in range(2))
    assert first.shape == (20, 4) and np.array_equal(first, again)
    assert all((point == space.points).all(axis=1).any() for point in first)
