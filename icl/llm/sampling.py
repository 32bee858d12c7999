"""How a continuation is drawn: temperature, the best few tokens, seeds, the best of several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from icl.constraint import Grammar
from icl.template import SettingError


@dataclass(frozen=True)
class Sampling:
    """Settings of `LLM.generate`.

    Args:
        temperature: sharpens below 1, flattens above; 0 takes the most likely token.
        top_k: keep the k most likely allowed tokens; 0 keeps all.
        top_p: keep the most likely allowed tokens that together reach this probability
            (Holtzman et al. 2020, sec. 3.1); 1 keeps all.
        seed: the same seed draws the same tokens.
        best_of: continuations drawn, of which the one most likely under the grammar is kept: by
            mean log-likelihood of its tokens, one that ends it included, as a sum would favour
            short ones.

    Raises:
        SettingError: a setting is out of its range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    best_of: int = 1

    def __post_init__(self) -> None:
        for name, fine, expected in (
            ("temperature", self.temperature >= 0, "0 or more"),
            ("top_k", self.top_k >= 0, "0 or more"),
            ("top_p", 0 < self.top_p <= 1, "above 0, at most 1"),
            ("seed", self.seed >= 0, "0 or more"),
            ("best_of", self.best_of >= 1, "1 or more"),
        ):
            if not fine:
                raise SettingError(f"{name} is {getattr(self, name)}; it must be {expected}")

    def seed_of(self, draft: int) -> int:
        """Seed of one of several continuations; the first has its own, whatever their number."""
        return int(np.random.SeedSequence((self.seed, draft)).generate_state(1)[0])

    def draw(self, log_probs: Tensor, generator: torch.Generator) -> int:
        """Index drawn from ``log_probs`` (N,), normalised over what is allowed."""
        if self.temperature == 0:
            return int(log_probs.argmax())
        scaled, order = (log_probs / self.temperature).sort(descending=True, stable=True)
        scaled = scaled[: self.top_k or None]
        probs = scaled.softmax(-1)
        before = probs.cumsum(-1) - probs
        probs = probs.masked_fill(before >= self.top_p, 0.0)
        return int(order[torch.multinomial(probs.cpu(), 1, generator=generator)])


class Draft:
    """One continuation in the making.

    Attributes:
        ids: tokens so far.
        log_likelihood: natural log, of each token among those allowed.
    """

    def __init__(self, grammar: Grammar, sampling: Sampling, number: int = 0) -> None:
        self.ids: list[int] = []
        self.log_likelihood = 0.0
        self._grammar, self._sampling = grammar, sampling
        self._state = grammar.start()
        self._generator = torch.Generator().manual_seed(sampling.seed_of(number))

    @property
    def mean(self) -> float:
        """Log-likelihood per token."""
        return self.log_likelihood / max(1, len(self.ids))

    @property
    def done(self) -> bool:
        """Whether the grammar has come to its end."""
        return self._grammar.allowed(self._state) is None

    def extend(self, log_probs: Tensor) -> None:
        """Draw one token from the log-probabilities (vocab_size,) of the next one."""
        allowed = self._grammar.allowed(self._state)
        among = log_probs.float().cpu()[allowed].log_softmax(-1)
        index = self._sampling.draw(among, self._generator)
        token = int(allowed[index])
        self.ids.append(token)
        self.log_likelihood += float(among[index])
        self._state = self._grammar.step(self._state, token)


def best(drafts: list[Draft]) -> list[int]:
    """Tokens of the draft most likely per token; of the first among equals."""
    return max(drafts, key=lambda draft: draft.mean).ids
