"""Writes prompts: examples and a question in one template."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from icl.prompt import Prompt, Segment
from icl.template import PromptError, SettingError, Template, find_template
from llm_codec.codes import Codes
from llm_codec.vocabulary import BoundVocabulary

Audio = Codes | Sequence[int]  # codes of one clip, or token ids that already are words
Content = Audio | str  # what a source or a target can be


class PromptWriter:
    """Writes examples and queries in one template.

    Args:
        template: a `Template` or the name of one in `TEMPLATES`.
        vocabulary: codebook words bound to ``tokenizer``.
        tokenizer: of the language model.
        scales: leading scales to write, 1..K.
        induction: write the template's instruction, if it has one ("task induction").

    Raises:
        SettingError: there is no such template or no such number of scales.
    """

    def __init__(
        self,
        template: str | Template,
        vocabulary: BoundVocabulary,
        tokenizer: Any,
        scales: int = 1,
        induction: bool = True,
    ) -> None:
        self.template = find_template(template)
        available = len(vocabulary.token_ids)
        if not 1 <= scales <= available:
            raise SettingError(f"scales is {scales}; this codec has 1 to {available}")
        self.vocabulary = vocabulary
        self.tokenizer = tokenizer
        self.scales = scales
        self.induction = induction
        self._demo = self._fixed(self.template.demo_pieces)
        self._query = self._fixed(self.template.query_pieces)

    def head(
        self,
        demonstrations: Sequence[tuple[Content, Content]],
        labels: Sequence[str] = (),
        repeats: int = 1,
    ) -> Prompt:
        """Everything before the query: beginning, instruction and examples, ``repeats`` times.

        Args:
            demonstrations: source and target of each example, in prompt order.
            labels: as the instruction lists them, in this order.
            repeats: times the examples are written.
        """
        instruction = self.template.instruction if self.induction else ""
        listed = " or ".join(f"'{label}'" for label in labels)
        start = self._text(instruction.format(labels=listed))
        bos = self.tokenizer.bos_token_id
        if bos is not None:
            start = [Segment("text", self.tokenizer.bos_token, (bos,)), *start]
        examples = [segment for demo in demonstrations for segment in self.example(*demo)]
        return Prompt((*start, *(examples * repeats)))

    def example(self, source: Content, target: Content) -> list[Segment]:
        """One demonstration."""
        contents = {"source": self.write(source), "target": self.write(target)}
        return [s for fixed, field in self._demo for s in (*fixed, *contents.get(field, ()))]

    def query(self, source: Content) -> Prompt:
        """What is asked: the source, with the target left open."""
        written = self.write(source)
        return Prompt(
            tuple(s for fixed, field in self._query for s in (*fixed, *(written if field else ())))
        )

    def write(self, content: Content) -> list[Segment]:
        """Segments of a source or target: text, or words of each scale."""
        if isinstance(content, str):
            text = self.template.text_prefix + content
            return [Segment("label", text, self.label_ids(content))]
        if isinstance(content, Codes):
            spans = self.vocabulary.scale_spans(content, scales=self.scales, trim=True)
        else:
            spans = [(1, content)]
        return [self._words(scale, tuple(ids)) for scale, ids in spans]

    def label_ids(self, label: str) -> tuple[int, ...]:
        """Token ids of a label or other text as the template writes it."""
        return self._tokenise(self.template.text_prefix + label)

    def label_sequences(self, labels: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids to score for each label.

        Where one label begins another ("one", "one hundred"), all get the token that follows a
        label in the prompt, so that the shorter one is not counted as part of the longer.

        Raises:
            PromptError: a label has no token, or two labels have the same ones.
        """
        sequences = [self.label_ids(label) for label in labels]
        known: dict[tuple[int, ...], str] = {}
        for label, sequence in zip(labels, sequences, strict=True):
            if not sequence:
                raise PromptError(f"label {label!r} has no token in this LLM; write another word")
            if known.setdefault(sequence, label) != label:
                raise PromptError(
                    f"labels {known[sequence]!r} and {label!r} are the same tokens in this LLM; "
                    "write other words"
                )
        if any(a != b and b[: len(a)] == a for a in sequences for b in sequences):
            sequences = [(*sequence, self.end_id) for sequence in sequences]
        return sequences

    @cached_property
    def end_id(self) -> int:
        """The token that follows an answer in the prompt.

        Raises:
            PromptError: the template has no text there.
        """
        ids = self._tokenise(self.template.answer_end)
        if not ids:
            raise PromptError(
                f"template {self.template.name!r} has no text between an answer and the next "
                "example, so that an answer has no end; put some after {target}"
            )
        return ids[0]

    def _words(self, scale: int, ids: tuple[int, ...]) -> Segment:
        text = self.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return Segment("audio", text, ids, scale)

    def _fixed(self, pieces: Sequence[tuple[str, str | None]]) -> list[tuple[list, str | None]]:
        return [(self._text(text), field) for text, field in pieces]

    def _text(self, text: str) -> list[Segment]:
        return [Segment("text", text, self._tokenise(text))] if text else []

    def _tokenise(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def require_fit(
    writer: PromptWriter,
    demonstrations: Sequence[tuple[Content, Content]],
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
    beside = f" beside {reserve} of the query and its answer" if reserve > 1 else ""
    raise PromptError(
        f"the prompt needs {total} tokens but the language model holds {context_length}: {fit} of "
        f"{len(ends)} examples fit{beside}; give fewer or shorter examples, or fewer scales"
    )
