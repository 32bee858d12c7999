"""Prompts are data: spans cover the ids, heads are prefixes, overflow is said before a run."""

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from icl.demonstrations import Choice
from icl.shown import Shown
from icl.template import TEMPLATES, PromptError, Template
from icl.writer import PromptWriter, require_fit
from llm_codec.codec import LLMCodec


@pytest.fixture(scope="module")
def bound(vocabulary, tokenizer):
    return vocabulary.bind(tokenizer)


@pytest.fixture(scope="module")
def codes(codec: LLMCodec, tone):
    return [codec.encode(tone(hertz, 0.3)) for hertz in (220, 440, 880)]


@pytest.fixture(scope="module")
def demos(codes):
    return [(codes[0], "two"), (codes[1], "one")]


def build(template, demos, query, bound, tokenizer, context_length, scales=1, repeats=1):
    """A whole prompt, its examples in the order given."""
    writer = PromptWriter(template, bound, tokenizer, scales)
    labels = sorted({label for _, label in demos})
    shown = Shown(demos, writer, Choice(order="given"), None, context_length, labels, repeats)
    return shown.prompt(query, max(map(len, writer.label_sequences(labels))))


def test_the_pocket_prompt_reads_as_words(bound, tokenizer, codes, demos):
    prompt = build("pocket", demos, codes[2], bound, tokenizer, context_length=512)
    words = [bound.to_text(item, scales=1, trim=True) for item in codes]
    assert prompt.text == f"<s> two:{words[0]}\n one:{words[1]}\n?:{words[2]} ="
    assert tokenizer.decode(prompt.ids) == prompt.text


def test_the_published_prompt_has_its_instruction_and_marks(bound, tokenizer, codes, demos):
    prompt = build("uniaudio15", demos, codes[2], bound, tokenizer, context_length=2048)
    words = [bound.to_text(item, scales=1, trim=True) for item in codes]
    assert prompt.text == (
        "<s>For each of the following input output pairs, output is one of ['one' or 'two']\n"
        f"###\nInput: < {words[0]} >\nOutput: two"
        f"###\nInput: < {words[1]} >\nOutput: one"
        f"###\nInput: < {words[2]} >\nOutput: "
    )


def test_the_published_marks_are_six_tokens_each_in_a_sentencepiece_vocabulary():
    folder = Path(__file__).parents[3] / "shared" / "tokenizers" / "mistral_v3"
    if not folder.is_dir():
        pytest.skip(f"no real tokenizer is at {folder}")
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    template = TEMPLATES["uniaudio15"]
    for part, _ in template.query_pieces:
        assert len(tokenizer(part, add_special_tokens=False)["input_ids"]) == 6


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("scales", [1, 2, 3])
def test_spans_cover_the_ids_without_gaps(template, scales, bound, tokenizer, codes, demos):
    prompt = build(template, demos, codes[2], bound, tokenizer, 4096, scales=scales)
    covered = [token for start, stop, _ in prompt.spans for token in prompt.ids[start:stop]]
    assert tuple(covered) == prompt.ids
    assert all(prompt.ids[start:stop] == segment.ids for start, stop, segment in prompt.spans)
    assert {segment.scale for segment in prompt.segments if segment.kind == "audio"} == set(
        range(1, scales + 1)
    )


def test_coloured_words_join_to_the_text(bound, tokenizer, codes, demos):
    prompt = build("pocket", demos, codes[2], bound, tokenizer, 512, scales=2)
    assert "".join(text for text, _ in prompt.coloured()) == prompt.text
    assert {tag for _, tag in prompt.coloured()} == {"text", "label", "scale 1", "scale 2"}


def test_audio_words_stand_only_for_true_samples(bound, tokenizer, codec, tone):
    codes = codec.encode(tone(440, 0.13))  # padded to 2 slow words, of which 2 are heard
    longer = codec.encode(tone(440, 0.3))  # padded to 4, of which 3 are heard
    writer = PromptWriter("pocket", bound, tokenizer)
    lengths = [len(writer.query(item).segments[1].ids) for item in (codes, longer)]
    assert lengths == [2, 3]


def test_the_head_begins_every_prompt_of_a_fit(bound, tokenizer, codes, demos):
    writer = PromptWriter("pocket", bound, tokenizer)
    head = writer.head(demos, ["one", "two"])
    for item in codes:
        assert (head + writer.query(item)).ids[: len(head)] == head.ids


def test_repeats_write_the_examples_again(bound, tokenizer, codes, demos):
    writer = PromptWriter("pocket", bound, tokenizer)
    once, thrice = (writer.head(demos, [], repeats).ids for repeats in (1, 3))
    assert thrice == once[:1] + once[1:] * 3


def test_ids_can_stand_in_for_codes(bound, tokenizer):
    ids = tokenizer(" ba be", add_special_tokens=False)["input_ids"]
    prompt = build("pocket", [(ids, "one"), (ids, "two")], ids, bound, tokenizer, 64)
    assert prompt.text == "<s> one: ba be\n two: ba be\n?: ba be ="


def test_labels_that_begin_one_another_are_closed(bound, tokenizer):
    writer = PromptWriter("pocket", bound, tokenizer)
    one, hundred = writer.label_sequences(["one", "one two"])
    assert one != hundred[: len(one)]
    apart = ["one", "two"]
    assert writer.label_sequences(apart) == [writer.label_ids(label) for label in apart]


def test_overflow_says_what_was_seen_and_how_many_examples_fit(bound, tokenizer, codes, demos):
    many = demos * 20
    writer = PromptWriter("pocket", bound, tokenizer)
    reserve = len(writer.query(codes[2])) + 1
    with pytest.raises(PromptError) as caught:
        require_fit(writer, many, ["one", "two"], 1, reserve, 60)
    needed = len(build("pocket", many, codes[2], bound, tokenizer, 4096)) + 1
    assert f"needs {needed} tokens but the language model holds 60" in str(caught.value)
    fit = int(str(caught.value).split(": ")[1].split(" of ")[0])
    assert len(build("pocket", many[:fit], codes[2], bound, tokenizer, 60)) <= 60
    with pytest.raises(PromptError):
        build("pocket", many[: fit + 1], codes[2], bound, tokenizer, 60)


def test_unknown_templates_and_scales_are_named(bound, tokenizer):
    with pytest.raises(PromptError, match="pocket.*uniaudio15"):
        PromptWriter("nonsense", bound, tokenizer)
    with pytest.raises(PromptError, match="1 to 3"):
        PromptWriter("pocket", bound, tokenizer, scales=4)


class Deaf:
    """A tokenizer that has no token for one word and hears no capitals."""

    def __init__(self, tokenizer):
        self.whole = tokenizer

    def __getattr__(self, name):
        return getattr(self.whole, name)

    def __call__(self, text, **settings):
        return self.whole(text.lower().replace(" hush", ""), **settings)


def test_labels_without_tokens_or_with_the_same_ones_are_refused(bound, tokenizer):
    writer = PromptWriter("pocket", bound, Deaf(tokenizer))
    with pytest.raises(PromptError, match="'hush' has no token"):
        writer.label_sequences(["one", "hush"])
    with pytest.raises(PromptError, match="'one' and 'One' are the same tokens"):
        writer.label_sequences(["one", "One"])


def test_a_label_can_stand_after_its_words(bound, tokenizer, codes, demos):
    prompt = build("pocket-last", demos, codes[2], bound, tokenizer, context_length=512)
    words = [bound.to_text(item, scales=1, trim=True) for item in codes]
    assert prompt.text == f"<s>{words[0]} = two\n{words[1]} = one\n{words[2]} ="


def test_task_induction_can_be_left_out(bound, tokenizer, codes, demos):
    with_, without = (
        PromptWriter("uniaudio15", bound, tokenizer, induction=wanted).head(demos, ["one", "two"])
        for wanted in (True, False)
    )
    assert with_.text.replace(TEMPLATES["uniaudio15"].instruction.format(
        labels="'one' or 'two'"), "") == without.text


def test_what_is_to_be_said_stands_before_its_words(bound, tokenizer, codes):
    writer = PromptWriter("pocket-say", bound, tokenizer, scales=3)
    words = bound.to_text(codes[0], trim=True)
    assert writer.head([("one", codes[0])]).text == f"<s> one:{words}\n"
    assert writer.query("1 + 1").text == " 1 + 1:"


def test_speech_is_asked_for_in_the_published_form(bound, tokenizer, codes):
    writer = PromptWriter("uniaudio15-speech", bound, tokenizer, scales=3)
    words = bound.to_text(codes[0], trim=True)
    shown = writer.head([("one", codes[0])]).text
    assert shown.endswith(f"say what is asked.\n< an audio of one >{words}\n")
    assert writer.query("1 + 1").text == "< an audio of 1 + 1 >"


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_follows_an_answer_is_what_follows_it_in_the_examples(
    template, bound, tokenizer, demos
):
    writer = PromptWriter(template, bound, tokenizer)
    ids = writer.head(demos, ["one", "two"]).ids
    assert tokenizer.decode([writer.end_id]) == ("#" if template == "uniaudio15" else "\n")
    assert writer.end_id in ids


def test_answers_that_nothing_follows_have_no_end(bound, tokenizer):
    template = Template("open", demo="{source} ={target}", query="{source} =")
    with pytest.raises(PromptError, match="'open' has no text between an answer and the next"):
        _ = PromptWriter(template, bound, tokenizer).end_id


@pytest.mark.parametrize(("demo", "query"), [
    ("{source}", "{source}"), ("{source}{target}", ""), ("{source}{target}{more}", "{source}"),
    ("{source}{target}", "{source}{target}"), ("{target}{target}{source}", "{source}"),
])
def test_templates_have_a_source_and_a_target(demo, query):
    with pytest.raises(PromptError, match="fields"):
        Template("odd", demo=demo, query=query)
