"""What no prompt can hold is refused before it is heard, and what is too long is named."""

import numpy as np
import pytest
import soundfile

from icl import FewShotClassifier, FewShotGenerator, PromptError
from icl.llm.transformers import TransformersLLM
from icl.room import require_room
from icl.writer import PromptWriter
from llm_codec import audio, blocks
from llm_codec.checkpoint import CheckpointError
from llm_codec.codec import LLMCodec


@pytest.fixture
def llm(llama, tokenizer) -> TransformersLLM:
    return TransformersLLM(llama, tokenizer)


@pytest.fixture
def clips(tone) -> list[np.ndarray]:
    return [tone(hertz, 0.4) for hertz in (200, 400)]


@pytest.fixture
def long_file(tmp_path, tone):
    """70 s, at a low rate."""
    soundfile.write(tmp_path / "long.wav", tone(100, 70.0, 1000), 1000)
    return tmp_path / "long.wav"


@pytest.fixture
def deaf(monkeypatch):
    """From when it is called, nothing can be loaded or encoded."""

    def start() -> None:
        def fail(*_, **__):
            raise AssertionError("heard")

        monkeypatch.setattr(audio, "load", fail)
        monkeypatch.setattr(LLMCodec, "encode", fail)

    return start


def test_a_long_example_is_refused_before_anything_is_heard(codec, llm, clips, long_file, deaf):
    deaf()
    with pytest.raises(PromptError, match=r"long.wav lasts 70.0 s but .* 512 tokens, 61.4 s of"):
        FewShotClassifier(codec, llm).fit([clips[0], long_file], ["one", "two"])
    with pytest.raises(PromptError, match=r"clip 1 lasts 11.0 s .* 10.2 s .* fewer scales or re"):
        FewShotClassifier(codec, llm, repeats=2, scales=2).fit(
            [clips[0], np.ones(11 * 16000, np.float32)], ["one", "two"]
        )


def test_a_long_query_is_refused_before_it_is_heard(codec, llm, clips, long_file, tone, deaf):
    learner = FewShotClassifier(codec, llm).fit(clips, ["one", "two"])
    deaf()
    for ask in (learner.predict, lambda queries: learner.show_prompt(queries[0])):
        for query in (long_file, str(long_file), tone(300, 70.0)):
            with pytest.raises(PromptError, match=r"lasts 70.0 s .* shorter clip$"):
                ask([query])


def test_the_command_refuses_a_long_query_before_it_is_heard(classify, long_file, monkeypatch):
    load = audio.load

    def note(path, *more):
        assert "long" not in str(path)
        return load(path, *more)

    monkeypatch.setattr(audio, "load", note)
    code, _, err = classify(long_file)
    assert code == 1 and "long.wav lasts 70.0 s" in err and err.count("\n") == 1


def test_generators_refuse_long_clips_before_they_are_heard(codec, llm, clips, long_file, deaf):
    def make(job):
        return FewShotGenerator(job, codec, llm)

    fitted = make("enhance").fit(clips, clips)
    deaf()
    for work in (
        lambda: fitted.generate(long_file),
        lambda: fitted.score([long_file], clips[:1]),
        lambda: make("enhance").fit([long_file], clips[:1]),
        lambda: make("speak").fit(["one"], [long_file]),
        lambda: make("continue").fit([long_file]),
    ):
        with pytest.raises(PromptError, match="long.wav lasts 70.0 s but the language model holds"):
            work()


def test_a_long_example_that_is_not_shown_does_no_harm(codec, llm, clips, tone):
    given = [*clips, tone(300, 70.0)]
    shown = []
    for seed in range(4):
        learner = FewShotClassifier(codec, llm, choose="balanced", per_label=1, seed=seed)
        try:
            shown.append(len(learner.fit(given, ["one", "two", "two"]).classes_))
        except PromptError as error:
            assert "examples fit" in str(error)
    assert shown


def test_what_a_header_says_is_not_enough_to_refuse_a_file(codec, llm, tone_file, monkeypatch):
    """The length of an MP3 without an index is guessed from its first frame."""
    monkeypatch.setattr(blocks, "shape", lambda _: (16000 * 1000, 16000))
    files = [tone_file(200), tone_file(400)]
    assert len(FewShotClassifier(codec, llm).fit(files, ["one", "two"]).predict(files)) == 2


@pytest.mark.parametrize("scales", [1, 3])
@pytest.mark.parametrize("samples", [480, 1919, 1920, 1921, 7681, 16000])
def test_words_that_just_fit_are_never_refused(codec, tokenizer, tone, scales, samples):
    writer = PromptWriter("pocket", codec.vocabulary.bind(tokenizer, codec.config), tokenizer,
                          scales)
    wave = tone(300, 1.0)[:samples]
    needed = sum(len(segment.ids) for segment in writer.write(codec.encode(wave)))
    require_room([wave, codec.encode(wave), "no such file"], writer, needed)
    if samples == 16000:
        with pytest.raises(PromptError, match="clip 0 lasts 1.0 s"):
            require_room([wave], writer, needed - 3)
        require_room([wave], writer, needed - 3, times=0)
        require_room([wave], writer, needed - 3, sample_rate=32000)


def test_a_bad_language_model_is_noticed_before_any_clip_is_heard(codec, clips, deaf):
    deaf()
    with pytest.raises(CheckpointError, match="nothing"):
        FewShotClassifier(codec, "nothing").fit(clips, ["one", "two"])


@pytest.mark.parametrize(("settings", "seconds", "says"), [
    ({"seconds": 1000.0}, 0.4, r"its answer 5\d{4}, but .* holds 512, .* fewer --seconds"),
    ({}, 5.0, "and its answer 2.., but .* holds 512, .* give a shorter query$"),
    ({"seconds": 7.5}, 0.4, r"holds 512: 0 of 2 examples fit beside \d+ of the query and its"),
])
def test_what_leaves_no_room_for_examples_is_named(
    codec, llm, clips, tone, settings, seconds, says
):
    generator = FewShotGenerator("enhance", codec, llm, **settings).fit(clips, clips)
    with pytest.raises(PromptError, match=says):
        generator.generate(tone(300, seconds))
