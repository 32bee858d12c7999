"""The state a transformer keeps of tokens it has read, wound back instead of computed again."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import takewhile

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer


class PrefixCache:
    """Next-token logits of one model, running only the tokens that the last call did not share.

    A plain key-value cache is cropped back to the shared beginning. Caches that cannot be cropped
    (sliding windows, recurrent states) go back to a copy made by `hold`, or start over.

    Args:
        model: a causal language model in evaluation mode.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.tokens_run = 0
        self.tokens_saved = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything read so far."""
        self._ids: list[int] = []
        self._cache = DynamicCache(config=self.model.config)
        self._croppable = all(type(layer) is DynamicLayer for layer in self._cache.layers)
        self._held: list[tuple[list[int], DynamicCache]] = []

    def hold(self, ids: Sequence[int]) -> None:
        """Remember the state after ``ids``, so that later calls can go back to it."""
        if self._croppable or (self._held and self._held[-1][0] == list(ids)):
            return  # any earlier state can be had by cropping
        self.next_logits(ids)
        self._held.append((self._ids, copy.deepcopy(self._cache)))

    def next_logits(self, ids: Sequence[int]) -> torch.Tensor:
        """Logits of the token after ``ids`` (L tokens, L >= 1): float32 (vocab_size,)."""
        kept = self._rewind(ids)
        new = torch.tensor([list(ids[kept:])], device=self.model.device)
        try:
            output = self.model(
                input_ids=new, past_key_values=self._cache, use_cache=True, logits_to_keep=1
            )
        except BaseException:
            self.reset()  # some layers may have grown and others not
            raise
        self._ids = list(ids)
        self.tokens_run += len(ids) - kept
        self.tokens_saved += kept
        return output.logits[0, -1].float()

    def _rewind(self, ids: Sequence[int]) -> int:
        """Bring the cache to a beginning of ``ids``; at least one token is left to run."""
        pairs = zip(self._ids, ids[:-1], strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        surplus = len(self._ids) - shared
        if surplus and not self._croppable:
            return self._restore(ids)
        if surplus:
            self._cache.crop(-surplus)
        return shared

    def _restore(self, ids: Sequence[int]) -> int:
        """Go back to the longest held state that begins ``ids``."""
        while self._held and self._held[-1][0] != list(ids[: len(self._held[-1][0])]):
            self._held.pop()
        fitting = [entry for entry in self._held if len(entry[0]) < len(ids)]
        kept, cache = fitting[-1] if fitting else ([], DynamicCache(config=self.model.config))
        self._cache = copy.deepcopy(cache)
        return len(kept)
