"""Calibration takes away what labels get without content, and sets how sure an answer may be."""

import copy

import numpy as np
import pytest

from icl import FewShotClassifier, calibration
from icl.llm.base import LLM
from icl.llm.transformers import TransformersLLM
from icl.template import PromptError

LABELS = ["one", "two"]


@pytest.fixture
def clips(tone):
    return [tone(hertz, 0.3 + hertz / 20000) for hertz in (200, 400, 900, 1600, 2400, 3200)]


@pytest.fixture
def llm(llama, tokenizer):
    return TransformersLLM(llama, tokenizer)


def test_a_prior_is_the_mean_probability_of_each_label():
    scores = np.log([[0.9, 0.1], [0.5, 0.5]])
    assert np.exp(calibration.log_prior(scores)) == pytest.approx([0.7, 0.3])


def test_a_label_that_is_likely_without_content_loses_its_lead(codec, llm, clips):
    """Zhao et al. 2021: after calibration, a content-free query is answered evenly."""
    settings = {"calibrate": "contextual", "content_free": ["silence"]}
    learner = FewShotClassifier(codec, llm, **settings).fit(clips, LABELS * 3)
    (silent,) = calibration.content_free(["silence"], codec, learner.encode(clips))
    assert learner.predict_proba([silent]) == pytest.approx(np.full((1, 2), 0.5), abs=1e-4)
    plain = FewShotClassifier(codec, llm).fit(clips, LABELS * 3)
    assert abs(plain.predict_proba([silent])[0, 0] - 0.5) > 0.01
    ratio = learner.predict_proba(clips) / plain.predict_proba(clips)
    log_odds = np.log(ratio[:, 0] / ratio[:, 1])
    assert log_odds == pytest.approx([log_odds[0]] * 6, abs=1e-3)  # one shift for all queries


def test_content_free_queries_are_as_long_as_the_examples_and_seeded(codec, clips):
    codes = [codec.encode(clip) for clip in clips]
    made = calibration.content_free(calibration.CONTENT_FREE, codec, codes, seed=1)
    middle = sorted(int(item.num_samples) for item in codes)[3]
    assert [int(item.num_samples) for item in made[:3]] == [middle] * 3
    assert made[3] == []
    again = calibration.content_free(calibration.CONTENT_FREE, codec, codes, seed=1)
    other = calibration.content_free(calibration.CONTENT_FREE, codec, codes, seed=2)
    assert made[:3] == again[:3] and made[2] != other[2]


@pytest.mark.parametrize("kinds", [[], ["thunder"]])
def test_unknown_content_free_queries_are_refused(codec, clips, kinds):
    with pytest.raises(PromptError, match="content_free"):
        calibration.content_free(kinds, codec, [codec.encode(clips[0])])


def test_the_fitted_temperature_undoes_too_much_confidence():
    """Answers that are right as often as sharpened numbers say: the inverse factor comes out."""
    rng = np.random.default_rng(0)
    honest = calibration.softmax(rng.normal(size=(4000, 3)))
    gold = [rng.choice(3, p=row) for row in honest]
    boasting = calibration.sharpen(honest, 0.4)
    assert calibration.fit_temperature(boasting, gold) == pytest.approx(2.5, rel=0.1)
    assert calibration.fit_temperature(honest, gold) == pytest.approx(1.0, rel=0.1)


def test_a_few_answers_move_a_temperature_little_from_the_usual_one():
    sure = np.tile([[0.999, 0.001]], (calibration.ENOUGH, 1))
    wrong = [1] * calibration.ENOUGH
    assert 1.0 < calibration.fit_temperature(sure, wrong) <= 10.0
    even = np.full((calibration.ENOUGH, 2), 0.5)  # tells nothing
    assert calibration.fit_temperature(even, wrong, usual=2.5) == pytest.approx(2.5, rel=0.03)


def test_one_example_of_each_label_is_left_out_at_a_time():
    labels = ["one", "one", "two", "few", "two", "one"]
    assert calibration.left_out(labels) == [[0, 2], [1, 4], [5]]
    assert calibration.left_out(["one", "two"]) == []


def test_temperature_flattens_probabilities_and_keeps_the_answer(codec, llm, clips):
    plain, warm = (
        FewShotClassifier(codec, llm, temperature=t).fit(clips, LABELS * 3) for t in (1.0, 3.0)
    )
    sharp, flat = plain.predict_proba(clips), warm.predict_proba(clips)
    assert (flat.max(axis=1) < sharp.max(axis=1)).all()
    assert plain.predict(clips).tolist() == warm.predict(clips).tolist()
    odds = np.log(sharp[:, 0] / sharp[:, 1]) / np.log(flat[:, 0] / flat[:, 1])
    assert odds == pytest.approx([3.0] * 6)


class Follower(LLM):
    """Always says the label that stood last in the prompt, four times out of five."""

    context_length = 4096
    fingerprint = "follower"

    def __init__(self, tokenizer):
        self.tokenizer, self.vocab_size = tokenizer, len(tokenizer)
        self.seen: list[tuple[int, ...]] = []

    def score(self, prefix, continuations):
        self.seen.append(tuple(prefix))
        last = max((prefix[::-1].index(ids[0]), i) for i, ids in enumerate(continuations))[1]
        return [np.log(0.2 if number == last else 0.8) for number in range(2)]

    def generate(self, prefix, grammar, sampling=None):
        raise NotImplementedError


def test_the_temperature_is_fitted_on_examples_that_are_left_out(codec, tokenizer, tone):
    clips = [codec.encode(tone(200 + 50 * n, 0.3 + n / 8)) for n in range(8)]
    llm = Follower(tokenizer)
    learner = FewShotClassifier(codec, llm, temperature="fit", order="given")
    learner.fit(clips, ["one", "two"] * 4)
    assert len(llm.seen) == 8
    whole = len(learner.show_prompt(clips[0]))
    assert all(len(prompt) < whole for prompt in llm.seen)
    assert len(set(llm.seen)) == 8
    assert learner.temperature_ != 1.0


def test_fewer_examples_take_the_temperature_of_the_model(codec, tokenizer, tone):
    clips = [codec.encode(tone(200 + 50 * n, 0.3 + n / 30)) for n in range(4)]
    llm = Follower(tokenizer)
    llm.label_temperature = 1.5
    few = FewShotClassifier(codec, llm, temperature="fit").fit(clips, ["one", "two"] * 2)
    assert few.temperature_ == 1.5 and not llm.seen


def test_a_temperature_is_fitted_on_what_is_averaged_as_in_use(codec, llm, tone, monkeypatch):
    """In all orders and views, and of labels that plain words stand for."""
    clips = [tone(200 + 50 * n, 0.3 + n / 30) for n in range(8)]
    labels = ["chopping_vegetables", "opening_a_can"] * 4
    told = {}
    monkeypatch.setattr(calibration, "fit_temperature",
                        lambda answers, gold, usual: told.update(answers=answers, gold=gold) or 2.0)
    settings = {"orders": 2, "views": 2, "label_words": "plain"}
    learner = FewShotClassifier(codec, llm, temperature="fit", **settings).fit(clips, labels)
    assert learner.temperature_ == 2.0
    assert [learner.classes_[place] for place in told["gold"]] == labels
    rest = FewShotClassifier(codec, llm, temperature=1.0, **settings).fit(clips, labels)
    (heard,) = rest.hear(clips[:1], 2)
    expected = rest._proba([heard], without={0, 1})
    assert told["answers"][:1] == pytest.approx(expected, abs=1e-5)


def test_orders_are_averaged_as_probabilities(codec, llm, clips, tokenizer):
    settings = {"template": "uniaudio15", "seed": 3}
    learner = FewShotClassifier(codec, llm, orders=3, **settings).fit(clips, LABELS * 3)
    single = [
        np.array(llm.score(learner._prompt(learner.encode([clips[5]])[0], turn).ids,
                           learner._answers)) for turn in range(3)
    ]
    expected = calibration.softmax(np.array(single)).mean(axis=0)
    assert learner.predict_proba([clips[5]])[0] == pytest.approx(expected, abs=1e-4)
    heads = {learner._shown[0].heads[turn].text for turn in range(3)}
    assert len(heads) > 1
    lists = {head.split("[")[1].split("]")[0] for head in heads}
    assert lists <= {"'one' or 'two'", "'two' or 'one'"}


def test_orders_are_held_side_by_side(codec, llm, clips):
    learner = FewShotClassifier(codec, llm, orders=3).fit(clips[:4], LABELS * 2)
    before = llm.tokens_run
    for clip in clips[4:]:
        learner.predict([clip])
    (one, two) = learner.encode(clips[4:])
    tails = sum(len(learner._writer.query(codes)) for codes in (one, two))
    assert llm.tokens_run - before <= 3 * tails


def test_a_model_may_say_its_own_temperature(codec, llm, clips, monkeypatch):
    plain = FewShotClassifier(codec, llm).fit(clips, LABELS * 3)
    assert plain.temperature_ == 1.0
    monkeypatch.setattr(llm, "label_temperature", 6.0)
    told = FewShotClassifier(codec, llm).fit(clips, LABELS * 3)
    given = FewShotClassifier(codec, llm, temperature=6.0).fit(clips, LABELS * 3)
    assert told.temperature_ == given.temperature_
    assert np.allclose(told.predict_proba(clips[:2]), given.predict_proba(clips[:2]))


def test_a_model_folder_keeps_its_temperature(tmp_path, llm):
    model = copy.deepcopy(llm.model)
    model.config.label_temperature = 2.5
    model.save_pretrained(tmp_path)
    llm.tokenizer.save_pretrained(tmp_path)
    assert TransformersLLM.load(tmp_path).label_temperature == 2.5
