"""Prompts as data: typed segments that render to token ids, text and coloured words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from icl.template import TEMPLATES, PromptError, Template, find_template
from llm_codec.codes import Codes
from llm_codec.vocabulary import BoundVocabulary

__all__ = ["TEMPLATES", "Prompt", "PromptError", "PromptWriter", "Segment", "Template", "build"]


@dataclass(frozen=True)
class Segment:
    """A run of tokens of one kind.

    Args:
        kind: ``"text"``, ``"audio"`` or ``"label"``.
        text: what the tokens say.
        ids: token ids.
        scale: 1..K for audio words of one scale, else None.
    """

    kind: str
    text: str
    ids: tuple[int, ...]
    scale: int | None = None

    @property
    def tag(self) -> str:
        """Colour key: ``"scale 1"`` .. ``"scale K"``, ``"label"`` or ``"text"``."""
        return self.kind if self.scale is None else f"scale {self.scale}"


@dataclass(frozen=True)
class Prompt:
    """Segments in the order the language model reads them; ``head + tail`` joins two."""

    segments: tuple[Segment, ...]

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """Token ids of all segments."""
        return tuple(token for segment in self.segments for token in segment.ids)

    @property
    def text(self) -> str:
        """The prompt as words."""
        return "".join(segment.text for segment in self.segments)

    @property
    def spans(self) -> list[tuple[int, int, Segment]]:
        """Start, stop and segment for each segment; ``ids[start:stop] == segment.ids``."""
        spans, start = [], 0
        for segment in self.segments:
            spans.append((start, start + len(segment.ids), segment))
            start += len(segment.ids)
        return spans

    def coloured(self) -> list[tuple[str, str]]:
        """Text and colour key of each segment, in order; the texts join to `text`."""
        return [(segment.text, segment.tag) for segment in self.segments]

    def __len__(self) -> int:
        return len(self.ids)

    def __add__(self, other: Prompt) -> Prompt:
        return Prompt(self.segments + other.segments)


Audio = Codes | Sequence[int]  # codes of one clip, or token ids that already are words


class PromptWriter:
    """Writes examples and queries in one template.

    Args:
        template: a `Template` or the name of one in `TEMPLATES`.
        vocabulary: codebook words bound to ``tokenizer``.
        tokenizer: of the language model.
        scales: leading scales to write, 1..K.

    Raises:
        PromptError: there is no such template or no such number of scales.
    """

    def __init__(
        self, template: str | Template, vocabulary: BoundVocabulary, tokenizer: Any, scales: int = 1
    ) -> None:
        self.template = find_template(template)
        available = len(vocabulary.token_ids)
        if not 1 <= scales <= available:
            raise PromptError(f"scales is {scales}; this codec has 1 to {available}")
        self.vocabulary = vocabulary
        self.tokenizer = tokenizer
        self.scales = scales

    def head(
        self, demonstrations: Sequence[tuple[Audio, str]], labels: Sequence[str], repeats: int = 1
    ) -> Prompt:
        """Everything before the query: beginning, instruction and examples, ``repeats`` times."""
        start = self._text(self.template.instruction.format(labels=_quoted(labels)))
        bos = self.tokenizer.bos_token_id
        if bos is not None:
            start = [Segment("text", self.tokenizer.bos_token, (bos,)), *start]
        examples = [segment for demo in demonstrations for segment in self.example(*demo)]
        return Prompt((*start, *(examples * repeats)))

    def example(self, audio: Audio, label: str) -> list[Segment]:
        """One demonstration: audio words and their label."""
        answer = Segment("label", self.template.label_prefix + label, self.label_ids(label))
        return [*self.query(audio).segments, answer, *self._text(self.template.demo_end)]

    def query(self, audio: Audio) -> Prompt:
        """What is asked: audio words with the label left open."""
        opening, closing = self._text(self.template.demo_open), self._text(self.template.demo_close)
        return Prompt((*opening, *self._audio(audio), *closing))

    def label_ids(self, label: str) -> tuple[int, ...]:
        """Token ids of a label as the template writes it."""
        return self._tokenise(self.template.label_prefix + label)

    def label_sequences(self, labels: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids to score for each label.

        Where one label begins another ("one", "one hundred"), all get the token that follows a
        label in the prompt, so that the shorter one is not counted as part of the longer.
        """
        sequences = [self.label_ids(label) for label in labels]
        if any(a != b and b[: len(a)] == a for a in sequences for b in sequences):
            after = self._tokenise(self.template.demo_end or self.template.demo_open)[:1]
            sequences = [sequence + after for sequence in sequences]
        return sequences

    def _audio(self, audio: Audio) -> list[Segment]:
        if isinstance(audio, Codes):
            spans = self.vocabulary.scale_spans(audio, scales=self.scales, trim=True)
        else:
            spans = [(1, audio)]
        return [self._words(scale, tuple(ids)) for scale, ids in spans]

    def _words(self, scale: int, ids: tuple[int, ...]) -> Segment:
        text = self.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return Segment("audio", text, ids, scale)

    def _text(self, text: str) -> list[Segment]:
        return [Segment("text", text, self._tokenise(text))] if text else []

    def _tokenise(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def build(
    template: str | Template,
    demonstrations: Sequence[tuple[Audio, str]],
    query: Audio,
    vocabulary: BoundVocabulary,
    tokenizer: Any,
    context_length: int,
    scales: int = 1,
    repeats: int = 1,
) -> Prompt:
    """Write a whole prompt.

    Args:
        template: a `Template` or the name of one in `TEMPLATES`.
        demonstrations: codes (or ids) and label of each example, in prompt order.
        query: codes (or ids) of the clip asked about.
        vocabulary: codebook words bound to ``tokenizer``.
        tokenizer: of the language model.
        context_length: tokens that it holds, answer included.
        scales: leading scales to write, 1..K.
        repeats: times the examples are written, 1 or more.

    Raises:
        PromptError: the prompt does not fit, or the template or scales do not exist.
    """
    writer = PromptWriter(template, vocabulary, tokenizer, scales)
    labels = sorted({label for _, label in demonstrations})
    tail = writer.query(query)
    answer = max(map(len, writer.label_sequences(labels)), default=1)
    require_fit(writer, demonstrations, labels, repeats, len(tail) + answer, context_length)
    return writer.head(demonstrations, labels, repeats) + tail


def require_fit(
    writer: PromptWriter,
    demonstrations: Sequence[tuple[Audio, str]],
    labels: Sequence[str],
    repeats: int,
    reserve: int,
    context_length: int,
) -> None:
    """Raise PromptError unless examples and ``reserve`` more tokens (query, answer) fit."""
    start = len(writer.head([], labels)) + reserve
    ends, total = [], start
    for demo in demonstrations:
        total += repeats * sum(len(segment.ids) for segment in writer.example(*demo))
        ends.append(total)
    if total <= context_length:
        return
    fit = sum(end <= context_length for end in ends)
    raise PromptError(
        f"the prompt needs {total} tokens but the language model holds {context_length}: "
        f"{fit} of {len(ends)} examples fit; give fewer or shorter examples, or fewer scales"
    )


def _quoted(labels: Sequence[str]) -> str:
    return " or ".join(f"'{label}'" for label in sorted(labels))
