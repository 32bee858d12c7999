"""Settings of a draw do what they say, and the seed decides the rest."""

import numpy as np
import pytest
import torch

from icl.constraint import LabelTrie
from icl.llm.sampling import Draft, Sampling, best

LOG_PROBS = torch.tensor([0.5, 0.25, 0.15, 0.1]).log()


def drawn(sampling: Sampling, times: int = 300) -> list[int]:
    generator = torch.Generator().manual_seed(0)
    return [sampling.draw(LOG_PROBS, generator) for _ in range(times)]


def test_zero_temperature_takes_the_most_likely():
    assert set(drawn(Sampling(temperature=0))) == {0}


def test_shares_follow_the_probabilities():
    counts = torch.bincount(torch.tensor(drawn(Sampling(), 4000))) / 4000
    assert counts.tolist() == pytest.approx([0.5, 0.25, 0.15, 0.1], abs=0.03)


@pytest.mark.parametrize(("settings", "kept"), [
    ({"top_k": 2}, {0, 1}), ({"top_p": 0.5}, {0}), ({"top_p": 0.6}, {0, 1}),
    ({"top_p": 0.75}, {0, 1}), ({"top_k": 3, "top_p": 0.99}, {0, 1, 2}), ({}, {0, 1, 2, 3}),
])
def test_only_the_best_tokens_are_kept(settings, kept):
    assert set(drawn(Sampling(**settings))) == kept


def test_low_temperature_sharpens():
    first = [drawn(Sampling(temperature=t)).count(0) for t in (0.3, 1.0, 3.0)]
    assert first == sorted(first, reverse=True) and first[0] > first[2] + 50


@pytest.mark.parametrize("setting", [
    {"temperature": -1}, {"top_k": -1}, {"top_p": 0}, {"top_p": 1.5}, {"best_of": 0}, {"seed": -1},
])
def test_settings_out_of_range_are_named(setting):
    (name,) = setting
    with pytest.raises(ValueError, match=name):
        Sampling(**setting)


def test_drafts_of_one_seed_differ_and_do_not_depend_on_their_number():
    seeds = [Sampling(seed=4, best_of=n).seed_of(number) for n in (1, 9) for number in range(5)]
    assert seeds[:5] == seeds[5:] and len(set(seeds)) == 5


def test_the_likelihood_is_counted_among_what_is_allowed():
    draft = Draft(LabelTrie([[0], [1]]), Sampling(temperature=0))
    draft.extend(LOG_PROBS)
    assert draft.done and draft.ids == [0]
    assert draft.log_likelihood == pytest.approx(torch.tensor(0.5 / 0.75).log().item())
    other = Draft(LabelTrie([[2]]), Sampling())
    other.extend(LOG_PROBS)
    assert best([draft, other]) == [2]  # nothing else was allowed: certain


def test_drafts_of_other_lengths_are_compared_by_their_mean_with_the_end_token():
    class Given:
        """Up to four tokens; one of the two ends it."""

        start = staticmethod(tuple)

        def step(self, state, token):
            return (*state, token)

        def allowed(self, state):
            return None if state[-1:] == (3,) or len(state) == 4 else torch.tensor([0, 3])

    short, long = Draft(Given(), Sampling(temperature=0)), Draft(Given(), Sampling(temperature=0))
    short.extend(torch.tensor([0.4, 0, 0, 0.6]).log())
    for _ in range(4):
        long.extend(torch.tensor([0.7, 0, 0, 0.3]).log())
    assert (short.ids, long.ids) == ([3], [0] * 4) and short.done and long.done
    assert short.log_likelihood > long.log_likelihood
    assert long.mean == pytest.approx(np.log(0.7)) and short.mean == pytest.approx(np.log(0.6))
    assert best([short, long]) == long.ids
