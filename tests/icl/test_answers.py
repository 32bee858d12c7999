"""Answers of a generator: how long they are, and how they are read."""

import pytest
import torch

from icl import FewShotGenerator, jobs
from icl.llm.dummy import UniformLLM
from icl.llm.transformers import TransformersLLM
from icl.template import TEMPLATES


@pytest.fixture
def speaker(codec, llama, tokenizer):
    """Builds a generator of speech of tiny models."""
    llm = TransformersLLM(llama, tokenizer)
    return lambda **settings: FewShotGenerator("speak", codec, llm, **settings)


class Parrot(UniformLLM):
    """Says the words of one example again, and what follows them."""

    def next_log_probs(self, ids: list[int]) -> torch.Tensor:
        log_probs = torch.full((self.vocab_size,), -50.0)
        log_probs[self.said[len(ids) - self.start]] = 0.0
        return log_probs


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_speech_lasts_as_long_as_the_language_model_says(codec, tokenizer, tone, scales):
    clips = [tone(300, seconds) for seconds in (0.2, 0.3, 0.9)]
    parrot = Parrot(len(tokenizer), tokenizer=tokenizer)
    generator = FewShotGenerator("speak", codec, parrot, scales=scales, temperature=0)
    generator.fit(["one", "two", "three"], clips)
    parrot.start = len(generator.show_prompt("one"))
    for clip in clips:
        (shown,) = generator.encode([clip])
        ids = generator._writer.vocabulary.to_ids(shown, scales=scales, trim=True)
        parrot.said = [*ids, generator._writer.end_id]
        made = generator.generate_codes("one")
        assert int(made.num_samples) == len(clip) and len(generator.generate("one")) == len(clip)
        assert generator._writer.vocabulary.to_ids(made, scales=scales, trim=True) == ids


def test_speech_has_the_length_of_an_example_or_the_one_asked_for(speaker, tone):
    clips = [tone(300, seconds) for seconds in (0.2, 0.21, 0.3, 0.9)]
    names = ["one", "two", "three", "four"]
    generator = speaker().fit(names, clips)
    lengths = {len(generator.generate("one", seed=seed)) for seed in range(12)}
    assert len(lengths) > 1 and lengths <= {3200, 3360, 4800, 14400}
    drafts = speaker(best_of=5).fit(names, clips)
    assert len(drafts.generate("1 + 1", seed=1)) in {3200, 3360, 4800, 14400}
    longer = speaker(seconds=0.5).fit(names, clips)
    assert longer.generate("one").shape == (8000,)
    assert generator.show_prompt("1 + 1").text.endswith(" 1 + 1:")


def test_of_examples_with_as_many_words_a_middle_one_tells_the_samples(speaker, tone):
    clips = [tone(300, seconds) for seconds in (0.2, 0.202, 0.208)]  # 7 frames each
    generator = speaker().fit(["one", "two", "three"], clips)
    assert generator.generate("one").shape == (len(clips[1]),)


@pytest.mark.parametrize(("job", "template"), [
    ("enhance", "{source} ={target}\n"), ("convert", "{source} ={target}\n"),
    ("continue", "{source} ={target}\n"), ("speak", "{source}:{target}\n"),
    ("sound", "{source}:{target}\n"), ("transcribe", "{target}:{source}\n"),
])
def test_what_is_made_stands_behind_its_source(job, template):
    assert TEMPLATES[jobs.get(job).template].demo == template


def test_a_sound_made_of_text_cannot_last_as_its_source():
    for length in ("source", "ratio"):
        with pytest.raises(ValueError, match="a sound made of text has 'shown'"):
            jobs.Job("sing", "", "text", "audio", length=length)
