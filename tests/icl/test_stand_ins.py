"""Long labels are written as plain words, and come back as they were given."""

import pytest

from icl import FewShotClassifier
from icl.stand_ins import WORDS, written
from icl.template import PromptError


def letters(label: str) -> list[int]:
    """A token for each letter behind the third."""
    return [*map(ord, label[2:])] if label not in WORDS else [0]


def test_short_labels_stay_and_long_ones_get_plain_words():
    assert written(["one", "two"], "auto", letters) == {"one": "one", "two": "two"}
    assert written(["two", "thirteen"], "auto", letters) == {"two": "cat", "thirteen": "dog"}
    assert written(["two", "thirteen"], "own", letters) == {"two": "two", "thirteen": "thirteen"}
    assert written(["one", "two"], "plain", letters) == {"one": "cat", "two": "dog"}


def test_a_word_that_is_a_label_stands_for_no_other():
    assert written(["cat", "thirteen"], "auto", letters) == {"cat": "dog", "thirteen": "river"}


def test_more_labels_than_words_are_written_as_they_are():
    labels = [f"label {number}" for number in range(len(WORDS) + 1)]
    assert written(labels, "auto", letters) == {label: label for label in labels}


def test_answers_and_probabilities_are_of_the_labels_given(tone):
    clips = [tone(300), tone(1500)]
    labels = ["a sound that is low", "a sound that is high"]
    plain, own = (
        FewShotClassifier(label_words=mode).fit(clips, labels)
        for mode in ("auto", "own")
    )
    assert plain.classes_.tolist() == own.classes_.tolist() == sorted(labels)
    assert set(plain.predict([tone(320), tone(1400)])) <= set(labels)
    assert plain.predict_proba([tone(320)]).sum() == pytest.approx(1)
    assert "low" not in plain.show_prompt(tone(320)).text
    assert "low" in own.show_prompt(tone(320)).text


def test_an_unknown_mode_is_refused(pair, tone):
    with pytest.raises(PromptError, match="label_words is 'loud'"):
        FewShotClassifier.from_pretrained(pair, label_words="loud").fit(
            [tone(300), tone(1500)], ["one", "two"])
