"""Any causal language model of the transformers library, loaded and never changed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from icl.llm.base import StepwiseLLM
from icl.llm.cache import PrefixCache
from llm_codec import checkpoint


class TransformersLLM(StepwiseLLM):
    """A frozen `transformers` model. No parameter requires a gradient or is ever written to.

    Args:
        model: a causal language model; put in evaluation mode and frozen.
        tokenizer: the tokenizer that goes with it, if the caller is to find it here.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any = None) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        config = model.config.get_text_config()
        self.context_length = int(config.max_position_embeddings)
        self.vocab_size = int(config.vocab_size)
        self._cache = PrefixCache(model)
        self._lock = threading.RLock()  # one cache, and callers such as web pages have threads

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        dtype: torch.dtype | None = None,
        device: str = "cpu",
        revision: str | None = None,
        local_files_only: bool = False,
    ) -> TransformersLLM:
        """Load a model and its tokenizer.

        Args:
            name_or_path: the preset ``"pocket"``, a folder, or a Hugging Face hub id.
            dtype: of the weights in memory. None: float32 on a CPU, where half precision is slow
                and coarse; elsewhere the precision they are stored in.
            device: where the model runs.
            revision: branch, tag or commit of a hub id.
            local_files_only: never go to the network.

        Raises:
            OSError, ValueError: there is no such model; the message says what was looked for.
        """
        folder = checkpoint.resolve(
            name_or_path, part="llm", revision=revision, local_files_only=local_files_only
        )
        if dtype is None:
            dtype = torch.float32 if torch.device(device).type == "cpu" else "auto"
        tokenizer = AutoTokenizer.from_pretrained(folder)
        try:
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        except SafetensorError as error:
            raise ValueError(f"{folder}: the weights are damaged ({error})") from error
        return cls(model.to(device), tokenizer)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over names, types, shapes and bytes of all parameters, as loaded."""
        return checkpoint.fingerprint(dict(self.model.named_parameters()))

    @property
    def tokens_run(self) -> int:
        """Tokens the model has computed so far."""
        return self._cache.tokens_run

    @property
    def tokens_saved(self) -> int:
        """Tokens whose kept state was used instead."""
        return self._cache.tokens_saved

    @torch.inference_mode()
    def hold(self, prefix: Sequence[int]) -> None:
        """Keep the state after ``prefix`` where going back to it needs a copy."""
        with self._lock:
            self._cache.hold(prefix)

    @torch.inference_mode()
    def next_log_probs(self, ids: Sequence[int]) -> torch.Tensor:
        """Log-probability of every token after ``ids``: float32 (vocab_size,)."""
        with self._lock:
            return self._cache.next_logits(ids).log_softmax(-1)

    def score(
        self, prefix: Sequence[int], continuations: Sequence[Sequence[int]]
    ) -> list[float]:
        """See `LLM.score`; one caller at a time, so that prefixes stay shared."""
        with self._lock:
            return super().score(prefix, continuations)
