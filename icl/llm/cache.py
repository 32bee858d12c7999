"""The state a transformer keeps of tokens it has read, wound back instead of computed again."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer

NAMES = ("cache", "past_key_values", "cache_params")  # of the argument, the newest first


@dataclass
class Ledger:
    """Tokens a model has computed, and tokens whose kept state was used instead."""

    run: int = 0
    saved: int = 0


class PrefixCache:
    """Next-token logits of one model, running only the tokens that the last call did not share.

    A plain key-value cache is cropped back to the shared beginning. Caches that cannot be cropped
    (sliding windows, recurrent states) go back to a copy made by `hold`, or start over.

    Args:
        model: a causal language model in evaluation mode.
        ledger: where tokens are counted.

    Raises:
        ValueError: the model takes no cache.
    """

    def __init__(self, model: PreTrainedModel, ledger: Ledger) -> None:
        self.model = model
        self.ledger = ledger
        known = inspect.signature(model.forward).parameters
        names = [name for name in NAMES if name in known]
        if not names:
            raise ValueError(
                f"a {type(model).__name__} takes no cache of what it has read, which is needed "
                "here; give a model with attention, or another recurrent one"
            )
        self._name = names[0]
        self.reset()

    def reset(self) -> None:
        """Forget everything read so far."""
        self._ids: list[int] = []
        self._cache = DynamicCache(config=self.model.config)
        self.croppable = all(type(layer) is DynamicLayer for layer in self._cache.layers)
        self._held: list[tuple[list[int], DynamicCache]] = []

    @property
    def length(self) -> int:
        """Tokens read."""
        return len(self._ids)

    def shared(self, ids: Sequence[int]) -> int:
        """Tokens that ``ids`` begin with and that are read already."""
        pairs = zip(self._ids, ids, strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def hold(self, ids: Sequence[int]) -> None:
        """Read ``ids``, so that later calls can go back to the state after them."""
        if self._held and self._held[-1][0] == list(ids):
            return
        if not self.croppable:
            self.logits(ids)
            self._held.append((self._ids, copy.deepcopy(self._cache)))
        elif self.shared(ids) < len(ids):
            self.logits(ids)

    def logits(self, ids: Sequence[int], keep: int = 1) -> Tensor:
        """Logits of the tokens after the last ``keep`` of ``ids``: float32 (keep, vocab_size).

        Args:
            ids: L tokens, L >= keep >= 1.
            keep: places; more than one only where the cache can be cropped.
        """
        kept = self._rewind(ids, keep)
        new = torch.tensor([list(ids[kept:])], device=self.model.device)
        try:
            logits = self._run(new, self._cache, keep)
        except BaseException:
            self.reset()  # some layers may have grown and others not
            raise
        self._ids = list(ids)
        self.ledger.saved += kept
        return logits[0]

    def last_logits(self, shared: Sequence[int], tails: Sequence[Sequence[int]]) -> Tensor:
        """Logits after each of some rows that begin alike, in one run: float32 (B, vocab_size).

        Rows are padded behind their last token, which a causal model cannot see.

        Args:
            shared: the beginning of all rows; may be empty.
            tails: B rows of one token or more.
        """
        if self.shared(shared) < len(shared):
            self.logits(shared)
        width = max(map(len, tails))
        rows = torch.tensor([[*tail, *[0] * (width - len(tail))] for tail in tails])
        places = sorted({len(tail) - 1 for tail in tails})
        logits = self._run(
            rows.to(self.model.device),
            self.copies(len(shared), len(tails)),
            torch.tensor(places, device=self.model.device),
        )
        self.ledger.saved += len(shared) * len(tails)
        column = torch.tensor([places.index(len(tail) - 1) for tail in tails])
        return logits[torch.arange(len(tails)), column.to(logits.device)]

    def copies(self, length: int, count: int) -> DynamicCache:
        """A cache of ``count`` rows that have all read the first ``length`` tokens."""
        rows = DynamicCache(config=self.model.config)
        if length:
            for number, layer in enumerate(self._cache.layers):
                state = (x[:, :, :length] for x in (layer.keys, layer.values))
                rows.update(*(x.expand(count, -1, -1, -1) for x in state), number)
        return rows

    def step(self, tokens: Sequence[int], rows: DynamicCache) -> Tensor:
        """Read one token more in each row of ``rows``: float32 (B, vocab_size)."""
        ids = torch.tensor(tokens, device=self.model.device)[:, None]
        return self._run(ids, rows, 1)[:, -1]

    def _run(self, ids: Tensor, cache: DynamicCache, keep: int | Tensor) -> Tensor:
        output = self.model(
            input_ids=ids, use_cache=True, logits_to_keep=keep, **{self._name: cache}
        )
        self.ledger.run += ids.numel()
        return output.logits.float()

    def _rewind(self, ids: Sequence[int], keep: int) -> int:
        """Bring the cache to a beginning of ``ids``; the last ``keep`` are left to run."""
        shared = self.shared(ids[: len(ids) - keep])
        surplus = len(self._ids) - shared
        if surplus and not self.croppable:
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

