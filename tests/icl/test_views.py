"""Clips heard several times, starting a little later each time."""

import numpy as np
import pytest

from icl import FewShotClassifier, calibration
from icl.llm.transformers import TransformersLLM
from icl.template import PromptError
from llm_codec.codes import CodesError

LABELS = ["one", "two", "one", "two"]
FIVE = [*LABELS, "one"]


@pytest.fixture
def llm(llama, tokenizer) -> TransformersLLM:
    return TransformersLLM(llama, tokenizer)


@pytest.fixture
def waves(tone) -> list[np.ndarray]:
    return [tone(200 + 90 * number, 0.3 + number / 40) for number in range(5)]


def test_a_view_is_the_clip_with_silence_before_it(codec, llm, waves):
    learner = FewShotClassifier(codec, llm)
    (heard,) = learner.hear(waves[:1], 4)
    step = codec.config.hop_length * codec.config.vq_strides[0] // 4
    assert len(heard) == 4
    for number, codes in enumerate(heard):
        late = np.concatenate([np.zeros(number * step, np.float32), waves[0]])
        assert codes == codec.encode(late)


def test_views_are_averaged_over_orders_that_take_turns(codec, llm, waves):
    learner = FewShotClassifier(codec, llm, orders=4, views=2, seed=1).fit(waves[:4], LABELS)
    parts = []
    for turn in range(4):
        (query,) = learner.hear(waves[4:], 2)
        prompt = learner._prompt(query[turn % 2], turn)
        parts.append(calibration.softmax(np.array([llm.score(prompt.ids, learner._answers)])))
    found = learner.predict_proba(waves[4:])
    assert found == pytest.approx(np.mean(parts, axis=0), abs=1e-4)
    assert learner.predict_proba(learner.hear(waves[4:], 2)) == pytest.approx(found, abs=1e-6)
    heads = [learner._shown[turn % 2].heads[turn] for turn in range(4)]
    shown = [{tuple(codes.scales[0].flatten().tolist()) for codes, _ in one.examples}
             for one in learner._shown]
    assert len({head.ids for head in heads}) > 1 and shown[0] != shown[1]


def test_one_view_is_the_clip_itself(codec, llm, waves):
    once = FewShotClassifier(codec, llm).fit(waves[:4], LABELS)
    assert once.hear(waves[:1], 1)[0][0] == once.encode(waves[:1])[0]


@pytest.mark.parametrize("settings", [{"views": 0}, {"views": 2}, {"views": 3, "orders": 2}])
def test_every_view_needs_an_order(codec, llm, waves, settings):
    with pytest.raises(PromptError, match="every view needs an order"):
        FewShotClassifier(codec, llm, **settings).fit(waves[:4], LABELS)


def test_codes_have_one_start(codec, llm, waves):
    learner = FewShotClassifier(codec, llm, orders=2, views=2).fit(waves[:4], LABELS)
    with pytest.raises(CodesError, match="clip 0 was encoded 1 times but is to be heard in 2"):
        learner.predict(learner.encode(waves[4:]))
    with pytest.raises(CodesError, match="clip 0 was encoded 3 times"):
        learner.predict(learner.hear(waves[4:], 3))


def test_a_prompt_shows_as_many_views_of_every_example_as_asked(codec, llm, waves):
    learner = FewShotClassifier(codec, llm, orders=3, views=3, views_shown=2).fit(waves, FIVE)
    heard = learner.hear(waves, 3)
    for view, shown in enumerate(learner._shown):
        wanted = [(clip[(view + more) % 3], name) for more in (0, 1)
                  for clip, name in zip(heard, FIVE, strict=True)]
        assert [(codes, target) for codes, target in shown.examples] == wanted
    once = FewShotClassifier(codec, llm, orders=3, views=3).fit(waves, FIVE)
    lengths = [len(one._shown[0].heads[0].ids) for one in (learner, once)]
    assert lengths[0] > 1.5 * lengths[1]
    parts = [calibration.softmax(learner._scores(heard[:1], turn)) for turn in range(3)]
    assert learner.predict_proba(waves[:1]) == pytest.approx(np.mean(parts, axis=0), abs=1e-4)


def test_no_view_of_an_example_is_shown_while_it_is_left_out(codec, llm, waves, monkeypatch):
    asked = []
    proba = FewShotClassifier._proba

    def note(learner, queries, without=()):
        asked.append((queries, set(without)))
        return proba(learner, queries, without)

    monkeypatch.setattr(FewShotClassifier, "_proba", note)
    monkeypatch.setattr(calibration, "ENOUGH", 4)
    settings = {"orders": 2, "views": 2, "views_shown": 2, "temperature": "fit"}
    learner = FewShotClassifier(codec, llm, **settings).fit(waves[:4], LABELS)
    heard = learner.hear(waves[:4], 2)
    assert [without for _, without in asked] == [{0, 1, 4, 5}, {2, 3, 6, 7}]
    assert [[tuple(query) for query in queries] for queries, _ in asked] == [
        [tuple(heard[0]), tuple(heard[1])], [tuple(heard[2]), tuple(heard[3])]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"views": 2, "orders": 2, "views_shown": 3}, "no more are shown than heard"),
     ({"views": 2, "orders": 2, "views_shown": 2, "choose": "nearest", "per_label": 1},
      "choose='nearest' would take views for examples")],
)
def test_views_that_cannot_be_shown_are_refused(codec, llm, waves, settings, message):
    with pytest.raises(PromptError, match=message):
        FewShotClassifier(codec, llm, **settings).fit(waves[:4], LABELS)
