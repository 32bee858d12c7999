"""A language model that knows nothing: every token is equally likely."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from icl.llm.base import StepwiseLLM


class UniformLLM(StepwiseLLM):
    """Gives every token the same probability; for tests and as a floor.

    Args:
        vocab_size: number of token ids.
        context_length: tokens of prompt and answer together.
        tokenizer: the tokenizer the ids belong to, if the caller is to find it here.
    """

    def __init__(
        self, vocab_size: int, context_length: int = 2048, tokenizer: Any = None
    ) -> None:
        self.vocab_size = vocab_size
        self.context_length = context_length
        self.tokenizer = tokenizer

    @property
    def fingerprint(self) -> str:
        """Names the absence of weights."""
        return f"uniform-{self.vocab_size}"

    def next_log_probs(self, ids: Sequence[int]) -> torch.Tensor:
        """The same log-probability for every token: float32 (vocab_size,)."""
        return torch.full((self.vocab_size,), -math.log(self.vocab_size))
