"""Examples as prompts show them: chosen, ordered, written once, and known to fit."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from icl.demonstrations import Choice, likeness, outline, reorder
from icl.prompt import Prompt
from icl.template import PromptError, SettingError
from icl.writer import Content, PromptWriter, require_fit
from llm_codec.codec import LLMCodec
from llm_codec.codes import Codes


class Shown:
    """Writes the prompt of a question behind the examples.

    Args:
        examples: source and target of each.
        writer: writes them.
        choice: which are shown, and in which order.
        codec: compares sounds, where the query decides.
        context_length: tokens the language model holds.
        labels: as the instruction lists them in the first order.
        repeats: times the examples are written.
        turns: orders to write ahead.

    Attributes:
        heads: everything before the query, by order; empty where the query decides.

    Raises:
        PromptError: the examples do not fit.
        SettingError: sources that are no sounds are to be compared.
    """

    def __init__(
        self,
        examples: Sequence[tuple[Content, Content]],
        writer: PromptWriter,
        choice: Choice,
        codec: LLMCodec,
        context_length: int,
        labels: Sequence[str] = (),
        repeats: int = 1,
        turns: Sequence[int] = (0,),
    ) -> None:
        self.examples = examples
        self.writer = writer
        self.choice = choice
        self.codec = codec
        self.context_length = context_length
        self.labels = labels
        self.repeats = repeats
        self.heads: dict[int, Prompt] = {}
        if choice.looks:
            sources = [source for source, _ in examples]
            if not all(isinstance(source, Codes) for source in sources):
                raise SettingError("examples can be nearest to a query only where both are sounds")
            self._outlines = outline(codec, sources)
        else:
            self.heads = {turn: self._head(turn) for turn in turns}

    def prompt(
        self, query: Content, answer: int, turn: int = 0, without: Collection[int] = ()
    ) -> Prompt:
        """The whole prompt of a question.

        Args:
            query: source of the question.
            answer: tokens to keep free for the answer.
            turn: which order.
            without: indices of examples to leave out.

        Raises:
            PromptError: it does not fit; the message says how many examples do, or that none
                could.
        """
        tail = self.writer.query(query)
        known = self.heads and not without
        head = self.heads[turn] if known else self._head(turn, query, without)
        if len(head) + len(tail) + answer > self.context_length:
            self._require_question(len(tail), answer)
            self._refuse(self._pick(turn, query, without), len(tail) + answer)
        return head + tail

    def _head(self, turn: int, query: Content = (), without: Collection[int] = ()) -> Prompt:
        picked = self._pick(turn, query, without)
        labels = reorder(self.labels, self.choice.seed, turn)
        head = self.writer.head(picked, labels, self.repeats)
        if len(head) + 1 > self.context_length:
            self._refuse(picked, reserve=1)
        return head

    def _pick(
        self, turn: int, query: Content, without: Collection[int]
    ) -> list[tuple[Content, Content]]:
        """Examples in prompt order."""
        kept = [index for index in range(len(self.examples)) if index not in without]
        alike = None
        if self.choice.looks:
            alike = likeness(self.codec, self._outlines[kept], query)
        return self.choice.pick([self.examples[index] for index in kept], turn, alike)

    def _require_question(self, query: int, answer: int) -> None:
        """Raise PromptError if a question and its answer do not fit even without examples."""
        start = len(self.writer.head([], self.labels))
        if start + query + answer <= self.context_length:
            return
        advice = "give a shorter query"
        if answer >= query:
            advice = "ask for a shorter answer: fewer --seconds of sound, or max_tokens of text"
        raise PromptError(
            f"the query needs {query} tokens and its answer {answer}, but the language model "
            f"holds {self.context_length}, and the examples come on top; {advice}"
        )

    def _refuse(self, picked: Sequence[tuple[Content, Content]], reserve: int) -> None:
        """Say how many examples fit, which is counted only now."""
        require_fit(
            self.writer, picked, self.labels, self.repeats, reserve, self.context_length
        )
