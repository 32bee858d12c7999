"""Any causal language model of the transformers library, loaded and never changed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from os.path import commonprefix
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from icl.constraint import Grammar, LabelTrie
from icl.llm import load_tokenizer
from icl.llm.base import StepwiseLLM, add_up
from icl.llm.cache import Ledger, PrefixCache
from icl.llm.sampling import Draft, Sampling, best
from llm_codec import checkpoint
from llm_codec.causal import load_model

# What configurations call the most tokens that a model can take.
LENGTHS = ("max_position_embeddings", "max_seq_len", "seq_length", "n_positions")
ENDLESS = 2**20  # taken for models that name no limit, as those with a recurrent state


class TransformersLLM(StepwiseLLM):
    """A frozen `transformers` model. No parameter requires a gradient or is ever written to.

    Args:
        model: a causal language model; put in evaluation mode and frozen.
        tokenizer: the tokenizer that goes with it, if the caller is to find it here.
        batch_size: most rows in one run; each holds a copy of what all begin with.

    Raises:
        ValueError: the model keeps no cache that could be wound back, as RWKV.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: Any = None, batch_size: int = 32
    ) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        config = model.config.get_text_config()
        named = (getattr(config, name, None) for name in LENGTHS)
        limits = (length for length in named if isinstance(length, int) and length > 0)
        self.context_length = next(limits, ENDLESS)
        self.vocab_size = int(config.vocab_size)
        self.label_temperature = float(getattr(config, "label_temperature", 1.0))  # a key of ours
        self.batch_size = batch_size
        self._ledger = Ledger()
        self._caches = [self._empty()]
        self._lock = threading.RLock()  # caches are shared by callers, which may have threads

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        dtype: torch.dtype | None = None,
        device: str = "cpu",
        revision: str | None = None,
        local_files_only: bool = False,
        tokenizer: Any = None,
    ) -> TransformersLLM:
        """Load a model and its tokenizer.

        Args:
            name_or_path: the preset ``"pocket"``, a folder, or a Hugging Face hub id.
            dtype: of the weights in memory. None: float32 on a CPU, where half precision is slow
                and coarse; elsewhere the precision they are stored in.
            device: where the model runs.
            revision: branch, tag or commit of a hub id.
            local_files_only: never go to the network.
            tokenizer: to take instead of the one beside the model, loaded.

        Raises:
            OSError, ValueError: there is no such model, or not all of it; the message says what
                was looked for.
        """
        folder = checkpoint.resolve(
            name_or_path, part="llm", revision=revision, local_files_only=local_files_only
        )
        if dtype is None:
            dtype = torch.float32 if torch.device(device).type == "cpu" else "auto"
        if tokenizer is None:
            tokenizer = load_tokenizer(folder)
        model = load_model(folder, dtype)
        if model.device != torch.device(device):  # quantised models may not be moved at all
            model = model.to(device)
        return cls(model, tokenizer)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over names, types, shapes and bytes of all parameters, as loaded."""
        return checkpoint.fingerprint(dict(self.model.named_parameters()))

    @property
    def tokens_run(self) -> int:
        """Tokens the model has computed so far."""
        return self._ledger.run

    @property
    def tokens_saved(self) -> int:
        """Tokens whose kept state was used instead."""
        return self._ledger.saved

    @torch.inference_mode()
    def hold(self, *prefixes: Sequence[int]) -> None:
        """Read each prefix and keep its state; those of earlier calls are forgotten."""
        with self._lock:
            free, kept = list(self._caches), []
            for prefix in prefixes:
                cache = max(free, key=lambda c: c.shared(prefix), default=None) or self._empty()
                free = [other for other in free if other is not cache]
                cache.hold(prefix)
                kept.append(cache)
            self._caches = kept or [self._empty()]

    @torch.inference_mode()
    def next_log_probs(self, ids: Sequence[int]) -> torch.Tensor:
        """Log-probability of every token after ``ids``: float32 (vocab_size,)."""
        with self._lock:
            return self._cache(ids).logits(ids)[0].log_softmax(-1)

    @torch.inference_mode()
    def score(
        self, prefix: Sequence[int], continuations: Sequence[Sequence[int]]
    ) -> list[float]:
        """See `LLM.score`; one caller at a time, so that prefixes stay shared."""
        with self._lock:
            cache = self._cache(prefix)
            if not cache.croppable and max(map(len, continuations), default=0) > 1:
                self.require_room(prefix, max(map(len, continuations)))
                cache.hold(prefix)
            if len(continuations) == 1 and cache.croppable:
                return [self._score_one(cache, prefix, continuations[0])]
            return super().score(prefix, continuations)

    @torch.inference_mode()
    def score_many(
        self, prefixes: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """See `LLM.score_many`: rows that go on from one beginning run as a batch."""
        with self._lock:
            if len(prefixes) < 2 or not self._caches[0].croppable:
                return super().score_many(prefixes, continuations)
            for prefix in prefixes:
                self.require_room(prefix, max(map(len, continuations), default=0))
            branches = list(LabelTrie(continuations).branches())
            rows = [[*prefix, *path] for prefix in prefixes for path, _ in branches]
            wanted = [list(following) for _ in prefixes for _, following in branches]
            looked = iter(self._look_up(rows, wanted))
        found = [{path: next(looked) for path, _ in branches} for _ in prefixes]
        return [add_up(continuations, lambda path, _, row=row: row[path]) for row in found]

    @torch.inference_mode()
    def generate(
        self, prefix: Sequence[int], grammar: Grammar, sampling: Sampling = Sampling()
    ) -> list[int]:
        """See `LLM.generate`; several drafts run as a batch."""
        with self._lock:
            cache = self._cache(prefix)
            if not cache.croppable:
                cache.hold(prefix)
            if sampling.best_of == 1 or not cache.croppable:
                return super().generate(prefix, grammar, sampling)
            self.require_room(prefix, 1)
            drafts = [Draft(grammar, sampling, number) for number in range(sampling.best_of)]
            logits, rows = cache.logits(prefix).expand(len(drafts), -1), None
            while not all(draft.done for draft in drafts):
                if rows is None:
                    rows = cache.copies(len(prefix), len(drafts))
                else:  # a draft that is done reads on, unheard
                    logits = cache.step([draft.ids[-1] for draft in drafts], rows)
                self.require_room(prefix, max(len(draft.ids) for draft in drafts) + 1)
                for draft, row in zip(drafts, logits, strict=True):
                    if not draft.done:
                        draft.extend(row.log_softmax(-1))
            return best(drafts)

    def _score_one(
        self, cache: PrefixCache, prefix: Sequence[int], continuation: Sequence[int]
    ) -> float:
        """Log-likelihood of one continuation, by one run over it."""
        self.require_room(prefix, len(continuation))
        logits = cache.logits([*prefix, *continuation[:-1]], keep=len(continuation))
        tokens = torch.tensor(list(continuation), device=logits.device)
        return float(logits.log_softmax(-1).gather(1, tokens[:, None]).double().sum())

    def _look_up(
        self, rows: Sequence[list[int]], wanted: Sequence[list[int]]
    ) -> list[list[float]]:
        """Log-probabilities of the wanted tokens after each row."""
        shared = commonprefix([row[:-1] for row in rows])
        cache = self._cache(rows[0])
        order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
        found: dict[int, list[float]] = {}
        for start in range(0, len(order), self.batch_size):
            numbers = order[start : start + self.batch_size]
            tails = [rows[number][len(shared) :] for number in numbers]
            log_probs = cache.last_logits(shared, tails).log_softmax(-1)
            for number, row in zip(numbers, log_probs, strict=True):
                found[number] = row[wanted[number]].tolist()
        return [found[number] for number in range(len(rows))]

    def _cache(self, ids: Sequence[int]) -> PrefixCache:
        """The cache that has read most of ``ids``, and least besides, which would be lost."""
        return max(self._caches, key=lambda cache: (cache.shared(ids), -cache.length))

    def _empty(self) -> PrefixCache:
        return PrefixCache(self.model, self._ledger)
