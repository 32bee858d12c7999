"""What the classifier cannot be fitted with: one clear line, and no examples left."""

import pytest

from icl import FewShotClassifier, PromptError
from icl.llm.transformers import TransformersLLM

LABELS = ["two", "one", "two", "one"]


@pytest.fixture
def classifier(codec, llama, tokenizer):
    return FewShotClassifier(codec=codec, llm=TransformersLLM(llama, tokenizer))


@pytest.fixture
def clips(tone):
    return [tone(hertz, 0.4) for hertz in (200, 400, 1600, 3200)]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["one"] * 4, r"labels are \['one'\]"),
        (["one", "two"], "4 clips but 2 labels"),
        (["one", " ", "one", "two"], "label 1 is empty"),
        (["one", "two", 1, "two"], "label 2 is 1 of type int; write all as text"),
        ([True] * 4, "of type bool"),
    ],
)
def test_labels_that_cannot_work_are_refused(classifier, clips, labels, message):
    with pytest.raises(PromptError, match=message):
        classifier.fit(clips, labels)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"calibrate": "much"}, "calibrate"),
        ({"calibrate": "contextual", "content_free": ["thunder"]}, "content_free"),
        ({"aggregate": "max"}, "aggregate"),
        ({"orders": 0}, "orders"),
        ({"order": "sideways"}, "order"),
        ({"choose": "best"}, "choose"),
        ({"choose": "random"}, "per_label"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"repeats": 0}, "repeats"),
        ({"repeats": 1.5}, "repeats is 1.5; expected a whole number"),
        ({"orders": "x"}, "orders is 'x'; expected a whole number"),
        ({"views": None}, "views is None; expected a whole number"),
        ({"scales": True}, "scales is True; expected a whole number"),
        ({"seed": [1]}, "seed is .* expected a whole number"),
        ({"scales": 4}, "scales"),
        ({"template": "none"}, "template"),
    ],
)
def test_settings_that_cannot_work_are_refused(classifier, clips, settings, message):
    with pytest.raises(PromptError, match=message):
        classifier.set_params(**settings).fit(clips, LABELS)


@pytest.mark.parametrize("settings", [{"repeats": 50}, {"aggregate": "max"}, {"scales": 4}])
def test_a_fit_that_fails_leaves_no_examples(classifier, clips, settings):
    """Old examples would be asked about with new labels or settings."""
    classifier.fit(clips, LABELS)
    with pytest.raises(PromptError):
        classifier.set_params(**settings).fit(clips, ["three", "four"] * 2)
    with pytest.raises(PromptError, match="call fit"):
        classifier.predict(clips)
    classifier.set_params(repeats=1, aggregate="sum", scales=1).fit(clips, LABELS)
    assert set(classifier.predict(clips)) <= {"one", "two"}
