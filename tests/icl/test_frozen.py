"""Whatever is asked of a language model, its weights are the same bytes afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from transformers import PreTrainedTokenizerFast

from icl import FewShotClassifier, FewShotGenerator, jobs
from icl.llm.transformers import TransformersLLM
from llm_codec import LLMCodec


@pytest.fixture(params=["llama", "gpt2", "mistral"])
def llm(
    request: pytest.FixtureRequest, tokenizer: PreTrainedTokenizerFast,
    weights_fingerprint: Callable,
) -> Iterator[TransformersLLM]:
    """A model, compared byte by byte with what it was, once the test is done with it."""
    model = request.getfixturevalue(request.param)
    before = weights_fingerprint(model)
    yield TransformersLLM(model, tokenizer)
    assert weights_fingerprint(model) == before
    assert not any(weight.requires_grad for weight in model.parameters())
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize("name", jobs.JOBS)
def test_making_changes_no_weight(
    llm: TransformersLLM, name: str, codec: LLMCodec, tone: Callable
) -> None:
    job = jobs.get(name)
    given = {"text": ["one", "two", "one one"],
             "audio": [tone(hertz, 0.1 + hertz / 9000) for hertz in (300, 500, 900)]}
    sources, targets = given[job.source][:2], given[job.target][:2]
    asked = job.source == "text"  # what a text comes to is asked of the model, too
    generator = FewShotGenerator(name, codec, llm, best_of=2, max_tokens=4, resolve=asked)
    generator.fit(sources, targets).generate(given[job.source][2])
    assert generator.score(sources, targets) < 0 < llm.tokens_run


@pytest.mark.parametrize("settings", [
    {}, {"temperature": "fit"}, {"calibrate": "contextual"}, {"orders": 2, "views": 2},
    {"choose": "balanced", "per_label": 1, "order": "nearest-last"},
], ids=str)
def test_classifying_changes_no_weight(
    llm: TransformersLLM, settings: dict, codec: LLMCodec, tone: Callable
) -> None:
    clips = [tone(200 + 50 * n, 0.2 + n / 30) for n in range(8)]
    learner = FewShotClassifier(codec, llm, **settings).fit(clips, ["one", "two"] * 4)
    assert learner.predict_proba(clips[:2]).shape == (2, 2)
    assert 0 <= learner.score(clips[:2], ["one", "two"]) <= 1 and llm.tokens_run
    learner.show_prompt(clips[0])
