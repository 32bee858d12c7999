"""Clips heard several times, starting a little later each time."""

import numpy as np
import pytest

from icl import FewShotClassifier, calibration
from icl.llm.transformers import TransformersLLM
from icl.template import PromptError
from llm_codec.codes import CodesError

LABELS = ["one", "two", "one", "two"]


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
