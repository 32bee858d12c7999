"""The contract of a frozen language model, and a base for models that answer token by token."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch

from icl.constraint import Grammar, LabelTrie
from icl.llm.sampling import Draft, Sampling, best

Path = tuple[int, ...]


class LLM(ABC):
    """A language model nobody changes: token ids in, log-likelihoods or token ids out.

    Attributes:
        context_length: tokens of prompt and answer together that the model can take.
        vocab_size: token ids are below this.
        fingerprint: 16 hex digits over the weights.
        tokenizer: the tokenizer the ids belong to, carried along for callers; None if unknown.
        label_temperature: what logarithms of label probabilities are best divided by, as measured
            for the model; 1 if nobody has.
        tokens_run: tokens the model has computed so far.
        tokens_saved: tokens it did not compute again because their state was kept.
    """

    context_length: int
    vocab_size: int
    tokenizer: Any = None
    label_temperature: float = 1.0
    tokens_run: int = 0
    tokens_saved: int = 0

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """16 hex digits that name the weights."""

    @abstractmethod
    def score(
        self, prefix: Sequence[int], continuations: Sequence[Sequence[int]]
    ) -> list[float]:
        """Summed natural-log likelihood of each continuation after ``prefix`` (1 token or more)."""

    @abstractmethod
    def generate(
        self, prefix: Sequence[int], grammar: Grammar, sampling: Sampling = Sampling()
    ) -> list[int]:
        """Draw a continuation the grammar allows, to its end."""

    def score_many(
        self, prefixes: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """`score` of the same continuations after each prefix; backends may run them together."""
        return [self.score(prefix, continuations) for prefix in prefixes]

    def hold(self, *prefixes: Sequence[int]) -> None:
        """Get ready for many calls that begin with one of these; changes speed, never an answer."""

    def has_room(self, prefix: int, answer: int) -> bool:
        """Whether so many tokens fit: the last of an answer is predicted, not read."""
        return prefix + answer - 1 <= self.context_length

    def require_room(self, prefix: Sequence[int], answer: int) -> None:
        """Raise ValueError unless it can take ``prefix`` and ``answer`` more tokens."""
        if not prefix:
            raise ValueError("the prefix is empty; a language model needs a token to start from")
        if not self.has_room(len(prefix), answer):
            raise ValueError(
                f"{len(prefix)} tokens and {answer} to answer do not fit a context of "
                f"{self.context_length}; give a shorter prefix"
            )
        if not 0 <= min(prefix) <= max(prefix) < self.vocab_size:
            raise ValueError(
                f"token ids run from {min(prefix)} to {max(prefix)} but the language model knows "
                f"0 to {self.vocab_size - 1}; do the tokenizer and the model belong together?"
            )

    def __sklearn_clone__(self) -> LLM:
        """Frozen weights are shared by clones of an estimator, never copied."""
        return self


class StepwiseLLM(LLM):
    """Both verbs for any model that can tell the log-probabilities of the next token."""

    @abstractmethod
    def next_log_probs(self, ids: Sequence[int]) -> torch.Tensor:
        """Log-probability of every token after ``ids``: float32 (vocab_size,)."""

    def score(
        self, prefix: Sequence[int], continuations: Sequence[Sequence[int]]
    ) -> list[float]:
        """Summed log-likelihoods; beginnings that continuations share are run once."""
        self.require_room(prefix, max(map(len, continuations), default=0))

        def look(path: Path, following: Path) -> list[float]:
            return self.next_log_probs([*prefix, *path])[list(following)].tolist()

        return add_up(continuations, look)

    def generate(
        self, prefix: Sequence[int], grammar: Grammar, sampling: Sampling = Sampling()
    ) -> list[int]:
        """Draw token after token from what the grammar allows, renormalised over it."""
        return best([
            self._complete(prefix, Draft(grammar, sampling, number))
            for number in range(sampling.best_of)
        ])

    def _complete(self, prefix: Sequence[int], draft: Draft) -> Draft:
        while not draft.done:
            self.require_room(prefix, len(draft.ids) + 1)
            draft.extend(self.next_log_probs([*prefix, *draft.ids]))
        return draft


def add_up(
    continuations: Sequence[Sequence[int]], look: Callable[[Path, Path], list[float]]
) -> list[float]:
    """Log-likelihood of each continuation, summed along a trie of them.

    Args:
        continuations: token ids, none the beginning of another.
        look: log-probabilities, after a beginning, of the tokens that go on from it.
    """
    totals: dict[Path, float] = {(): 0.0}
    for path, following in LabelTrie(continuations).branches():
        for token, log_prob in zip(following, look(path, following), strict=True):
            totals[*path, token] = totals[path] + log_prob
    return [totals[tuple(continuation)] for continuation in continuations]
