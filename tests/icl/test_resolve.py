"""A text is brought to one that was shown by asking the language model in text."""

from __future__ import annotations

import pytest
import torch

from icl import FewShotGenerator
from icl.llm.dummy import UniformLLM
from icl.resolve import resolve
from icl.spoken import spoken


class Adder(UniformLLM):
    """After ``one one =`` it says ``two``; after anything else, ``three``."""

    def next_log_probs(self, ids: list[int]) -> torch.Tensor:
        text = self.tokenizer.decode(ids)
        log_probs = torch.full((self.vocab_size,), -9.0)
        word = " two" if "one one" in text else " three"
        log_probs[self.tokenizer(word, add_special_tokens=False)["input_ids"][0]] = -0.1
        return log_probs


@pytest.fixture
def llm(tokenizer) -> Adder:
    return Adder(len(tokenizer), tokenizer=tokenizer)


def test_the_likeliest_of_the_known_texts_is_taken(llm, tokenizer):
    assert resolve(llm, tokenizer, "one one", ["one", "two", "three"]) == "two"
    assert resolve(llm, tokenizer, "one two", ["one", "two", "three"]) == "three"
    assert resolve(llm, tokenizer, "one one", ["one", "three"]) in ("one", "three")


def test_a_known_text_stays_as_it_is(llm, tokenizer):
    assert resolve(llm, tokenizer, "one", ["three", "one"]) == "one"


def test_digits_and_signs_are_read_out(llm, tokenizer):
    assert resolve(llm, tokenizer, "11", ["1", "2", "3"]) == "2"  # asked as ``one one =``
    assert resolve(llm, tokenizer, "1 + 1", ["3", "2"]) == "3"


def test_a_generator_asks_for_the_sound_of_what_the_text_comes_to(codec, llm, tone):
    def shown(resolved: bool, text: str) -> str:
        generator = FewShotGenerator("speak", codec, llm, resolve=resolved)
        generator.fit(["one", "two"], [tone(300, 0.2), tone(900, 0.2)])
        return generator.show_prompt(text).text.splitlines()[-1]

    assert shown(True, "one one") == shown(False, "two")
    assert shown(False, "one one") != shown(False, "two")
    assert shown(True, "one") == shown(False, "one")


def test_what_is_read_alike_is_the_same(codec):
    class Mute(UniformLLM):
        def score(self, prefix, continuations):
            raise AssertionError("it need not be asked")

    assert resolve(Mute(9), None, "2", ["one", "two"]) == "two"
    assert spoken("twenty-one") == "twenty one" and spoken("3 - 1") == "three minus one"
    assert spoken("3-1") == "three minus one"
