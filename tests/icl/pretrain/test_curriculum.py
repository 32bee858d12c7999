"""What is read at a step depends on seed, step and rank alone, and grows harder."""

import numpy as np
import pytest
import torch

from icl.pretrain.curriculum import Curriculum, split
from icl.pretrain.evaluation import Evaluation
from icl.pretrain.formats import Speller
from icl.pretrain.games.categories import HELD_OUT


@pytest.fixture
def make(recipe, space, tokenizer):
    corpus = np.random.default_rng(0).integers(3, 400, size=4000).astype(np.uint16)
    starts = range(0, 9 * (5 + len(HELD_OUT)), 9)
    names = [*HELD_OUT, "animal", "fish", "tool", "food", "colour"]
    groups = {name: space.words[at : at + 9] for name, at in zip(names, starts, strict=True)}

    def build(**changes) -> Curriculum:
        return Curriculum(recipe(**changes), corpus, space, Speller(tokenizer), groups)

    return build


def test_a_batch_depends_on_seed_step_and_rank_alone(make):
    curriculum, same = make(steps=12), make(steps=12)
    texts = [curriculum.batch(step) for step in range(12)]
    for step in (4, 0, 11):
        kind, batch = same.batch(step)
        assert kind == texts[step][0]
        assert torch.equal(batch.input_ids, texts[step][1].input_ids)
        assert torch.equal(batch.target, texts[step][1].target)
    reseeded = make(seed=1).batch(0)[1].input_ids
    assert not torch.equal(reseeded[:, :40], texts[0][1].input_ids[:, :40])
    kind, other = curriculum.batch(0, rank=1)
    assert kind == texts[0][0] and other.input_ids.shape == texts[0][1].input_ids.shape
    assert not torch.equal(other.input_ids, texts[0][1].input_ids)


def test_games_come_first_and_then_share_with_prose(make):
    curriculum = make(steps=400, prose_from=0.25, prose_share=0.25)
    kinds = [curriculum.batch(step)[0] for step in range(400)]
    assert set(kinds[:100]) == {"games"}
    assert 0.15 < kinds[100:].count("prose") / 300 < 0.35


def test_strings_grow_longer_and_noisier_along_the_ramp(make):
    curriculum, rng = make(steps=100, ramp=0.5, longest=12), np.random.default_rng(0)
    start, middle, end, after = (curriculum.table(step, 96, rng) for step in (0, 25, 50, 90))
    assert start.noise.spread == 0 < middle.noise.spread < end.noise.spread == after.noise.spread
    assert start.length == (3, 6) and end.length == after.length == (3, 12)


def test_some_words_never_name_a_class(make, space):
    used, kept = split(space.words)
    assert len(kept) == len(space.words) // 10 and not set(used) & set(kept)
    labels = make().table(0, 96, np.random.default_rng(0)).labels
    assert set(labels.tolist()) == set(used)


def test_every_length_is_played(make):
    sizes = {make(prose_from=1.0).batch(step)[1].input_ids.shape for step in range(20)}
    assert sizes == {(4, 49), (2, 97)}


def test_some_categories_are_kept_for_evaluation(make):
    curriculum = make(games={"categories": 1.0})
    trained = curriculum.table(0, 96, np.random.default_rng(0)).groups
    assert len(trained) == 5
    kept = [set(words.tolist()) for name, words in curriculum.groups.items() if name in HELD_OUT]
    assert not any(kept_words & set(words.tolist()) for kept_words in kept for words in trained)
    batch = Evaluation(curriculum, np.arange(3, 300)).batches["categories"]
    asked = set(batch.input_ids.flatten().tolist())
    labels = set(split(curriculum.space.words)[0]) | set(split(curriculum.space.words)[1])
    shown = asked & labels
    assert len(shown & set.union(*kept)) > len(shown & set(np.concatenate(trained).tolist()))
