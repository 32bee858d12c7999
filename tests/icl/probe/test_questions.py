"""Questions of a probe follow their games, hold no answer, and their oracle is a fair one."""

from types import SimpleNamespace

import numpy as np
import pytest

from icl import cli
from icl.llm import LLM, as_llm
from icl.pretrain.curriculum import split
from icl.pretrain.train import Pretrainer
from icl.probe import battery
from icl.probe.questions import category, last_of, matching
from icl.probe.world import World
from llm_codec import checkpoint
from llm_codec.training.words import read_word_list


@pytest.fixture(scope="module")
def llm() -> LLM:
    return as_llm("pocket")


@pytest.fixture(scope="module")
def words() -> list[str]:
    """Those of the codec, as the command asks about them."""
    return list(checkpoint.load_words(checkpoint.resolve("pocket")).scales[0])


@pytest.fixture(scope="module")
def world(llm: LLM, words: list[str]) -> World:
    return World.of(llm, words, [words[start : start + 12] for start in range(0, 120, 12)])


def test_a_world_takes_words_that_are_one_token(llm, words):
    world = World.of(llm, [*words, "antidisestablishmentarianism"], [])
    assert len(world.space.words) == len(words) and world.space.core == 8
    assert np.allclose(world.space.points.std(axis=0), 1, atol=1e-3)


def test_a_tokenizer_without_the_words_is_refused(llm):
    with pytest.raises(ValueError, match="only 0 of 2 words are one token"):
        World.of(llm, ["xqzzt", "vvwkq"], [])


@pytest.mark.parametrize(("ways", "shots", "length"), [(2, 1, 8), (5, 5, 16)])
def test_matching_asks_about_labels_that_named_nothing_in_training(world, ways, shots, length):
    trained = set(split(np.sort(world.space.words))[0])  # training goes by token ids
    right, asked = [], set()
    for seed in range(40):
        question = matching(ways, shots, length)(world, (seed,))
        text = world.spell.tokenizer.decode(list(question.prefix))
        assert text.startswith("<s>") and text.endswith(" =")
        assert text.count(":") == ways * shots + 1 and text.count("?:") == 1
        assert len(question.choices) == len(set(question.choices)) == ways
        assert not {token for label in question.choices for token in label} & trained
        right.append(question.oracle == question.right)
        asked.add(question.right)
    assert np.mean(right) > 0.8 and asked == set(range(ways))


def test_the_command_asks_about_labels_that_training_on_real_words_left_out(
    llm, shared_text, monkeypatch
):
    worlds, list_ = [], shared_text.parent / "vocabulary" / "portable_words.tsv"
    monkeypatch.setattr(battery, "run", lambda llm, world, *_, **__: worlds.append(world))
    assert cli.main(["probe", "pocket", "--cells", "match 2-way 1-shot, 8 words"]) == 0
    run = SimpleNamespace(tokenizer=llm.tokenizer, _portable=read_word_list(list_))
    trained, kept = map(set, split(Pretrainer._word_ids(run)))
    assert len(trained) > 3000 and len(worlds[0].labels) > 300
    assert set(worlds[0].labels.tolist()) <= kept


@pytest.mark.parametrize("game", ["repetition", "lookup", "cleaning", "rules", "arithmetic"])
def test_free_answers_follow_a_prompt_that_does_not_end_in_them(world, game):
    for seed in range(10):
        question = last_of(game, 6, 200)(world, (seed,))
        size = len(question.answer)
        assert size and question.prefix[-size:] != question.answer and not question.choices


def test_sums_can_be_asked_for_alone(world):
    for seed in range(10):
        question = last_of("lookup", 6, 300, " + ")(world, (seed,))
        assert " + " in world.spell.tokenizer.decode(list(question.prefix)).rsplit("\n", 1)[-1]


def test_a_category_is_shown_by_other_words_than_the_one_asked_about(world):
    groups = [set(group.tolist()) for group in world.groups]
    for seed in range(20):
        question = category(2, 4)(world, (seed,))
        asked, shown = question.prefix[-2], question.prefix[:-4]
        (group,) = (group for group in groups if asked in group)
        label = question.choices[question.right][0]
        named = {shown[at + 2] for at, token in enumerate(shown) if token == label}
        assert asked not in shown and len(named) == 4 and named <= group


def test_categories_of_a_question_are_different_ones(llm, words):
    first, second, third = words[:40], words[40:80], words[80:84]
    world = World.of(llm, words, [first, second, third])
    (one, two), one_able = world.groups[:2], World.of(llm, words, [first, third])
    for seed in range(20):
        question = category(2, 4)(world, (seed,))
        for label in question.choices:
            shown = question.prefix[:-4]
            named = {shown[at + 2] for at, token in enumerate(shown) if token == label[0]}
            assert named <= {*one.tolist()} or named <= {*two.tolist()}
        first_words = {token for token in question.prefix if token in one}
        assert 4 <= len(first_words) <= 5
    with pytest.raises(ValueError, match="1 of 2 categories have words enough for 4 examples"):
        category(2, 4)(one_able, (0,))


def test_the_seed_decides_the_question(world):
    make = matching(3, 2, 8)
    assert make(world, (1,)) == make(world, (1,)) != make(world, (2,))
