"""Strings of one path are alike; how much they differ is what the noise says."""

import numpy as np
import pytest

from icl.pretrain.strings import Noise, StringMaker

FULL = Noise(spread=0.6, shared=0.4, stretch=0.3, shift=0.25, jitter=0.25)


@pytest.fixture
def maker(space) -> StringMaker:
    return StringMaker(space, np.random.default_rng(0))


def different(maker: StringMaker, noise: Noise, strings: int = 60) -> float:
    """Share of words that differ between two strings of a path, place by place."""
    shares = []
    for _ in range(strings):
        path = maker.path(12)
        one, two = (maker.space.nearest(maker.string_points(path, noise)) for _ in range(2))
        size = min(len(one), len(two))
        shares.append(np.mean(one[:size] != two[:size]))
    return float(np.mean(shares))


def test_a_path_has_its_length_and_a_pace_of_its_own(maker):
    for length in (1, 2, 5, 30):
        assert maker.path(length).shape == (length, maker.space.core)
    changes = [np.mean((np.diff(maker.path(40), axis=0) != 0).any(axis=1)) for _ in range(200)]
    assert max(changes) > 0.95 and min(changes) < 0.15 and 0.3 < np.mean(changes) < 0.6


def test_without_noise_strings_are_equal_and_follow_the_path(maker):
    path = maker.path(10)
    one, two = (maker.string_points(path, Noise()) for _ in range(2))
    assert np.array_equal(one, two) and np.allclose(one, path, atol=1e-5)
    assert different(maker, Noise()) == 0


def test_more_noise_gives_more_different_words(maker):
    shares = [different(maker, FULL.scaled(factor)) for factor in (0.1, 0.4, 1.0)]
    assert 0 < shares[0] < shares[1] < shares[2] < 1


@pytest.mark.parametrize("part", ["spread", "shared", "stretch", "shift"])
def test_every_part_of_the_noise_changes_words(maker, part):
    assert different(maker, Noise(**{part: 0.5})) > 0.02


def test_jitter_changes_the_number_of_words_within_its_bound(maker):
    path = maker.path(20)
    lengths = {len(maker.string_points(path, Noise(jitter=0.25))) for _ in range(100)}
    assert len(lengths) > 5 and 15 <= min(lengths) <= max(lengths) <= 25


def test_scaling_takes_every_part(maker):
    assert FULL.scaled(0.5) == Noise(0.3, 0.2, 0.15, 0.125, 0.125)
    assert FULL.scaled(0) == Noise()


def test_a_string_is_nearer_to_its_own_path_than_to_others(maker):
    hits = 0
    for _ in range(50):
        paths = [maker.path(10) for _ in range(2)]
        points = maker.string_points(paths[0], Noise(spread=0.3))
        hits += np.square(points - paths[0]).sum() < np.square(points - paths[1]).sum()
    assert hits >= 49


def test_words_are_left_out_and_strange_ones_put_in(maker):
    path = maker.path(40)
    fewer = [len(maker.string_points(path, Noise(drop=0.3))) for _ in range(50)]
    more = [len(maker.string_points(path, Noise(distract=0.3))) for _ in range(50)]
    assert 24 < np.mean(fewer) < 32 and 48 < np.mean(more) < 56
    assert len(maker.string_points(maker.path(3), Noise(drop=1.0))) == 1


def test_layers_of_a_string_follow_one_another_and_differ_ever_more(maker):
    paths = [maker.path(4 * times) for times in (1, 2, 4)]
    still = maker.layered_points(paths, Noise())
    np.testing.assert_allclose(still, np.concatenate(paths))
    takes = [maker.layered_points(paths, Noise(spread=0.1)) - still for _ in range(200)]
    first, second, third = (np.std([t[part] for t in takes]) for part in
                            (slice(0, 4), slice(4, 12), slice(12, 28)))
    np.testing.assert_allclose([second / first, third / first], [2, 3], rtol=0.1)
