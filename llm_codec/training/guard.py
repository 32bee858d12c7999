"""Watch over the codebooks: a run whose words fall out of use is stopped, not finished."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_codec.usage import Usage

DRAWS = 4  # codes counted for each word of a codebook: even use then shows 98 % of the words
GRACE = 200  # steps after the lookup is switched on, in which words find their places


class CodebookCollapse(ValueError):
    """A codebook is hardly used any more; the message says which, and what to do."""


class Guard:
    """Use and entropy of each scale over a window of steps.

    The window of a scale holds the latest steps that together gave `DRAWS` codes a word, so that
    no short batch looks like a collapse. Codes of the first `GRACE` steps are forgotten.

    Args:
        sizes: V_k of each scale.
        lowest: share of a codebook under which a run has collapsed; 0 lets it go on.
    """

    def __init__(self, sizes: Sequence[int], lowest: float = 0.1) -> None:
        self.sizes, self.lowest, self.steps = list(sizes), lowest, 0
        self._forget()

    def _forget(self) -> None:
        self._codes: list[deque[np.ndarray]] = [deque() for _ in self.sizes]
        self._counts = [np.zeros(size, np.int64) for size in self.sizes]

    def take(self, codes: Sequence[Tensor]) -> dict[str, float]:
        """Counts the codes of one step, K tensors of any shape.

        Returns:
            ``use1`` .. and ``entropy1`` ..: share of the codebook in use and normalised entropy
            over the window; both are low before it is full.

        Raises:
            CodebookCollapse: a full window uses less than ``lowest`` of a codebook.
        """
        if self.steps == GRACE:
            self._forget()
        self.steps += 1
        found: dict[str, float] = {}
        for scale, new in enumerate(codes):
            self._push(scale, new.flatten().cpu().numpy().astype(np.int32))
            usage = Usage.of(self._counts[scale], self.sizes[scale])
            found[f"use{scale + 1}"] = round(usage.share, 4)
            found[f"entropy{scale + 1}"] = round(usage.normalised_entropy, 4)
            if self.steps > GRACE and self._full(scale, usage.n) and usage.share < self.lowest:
                raise CodebookCollapse(self._message(scale, usage))
        return found

    def _push(self, scale: int, new: np.ndarray) -> None:
        window, counts = self._codes[scale], self._counts[scale]
        window.append(new)
        np.add.at(counts, new, 1)
        while self._full(scale, int(counts.sum()) - len(window[0])):
            np.subtract.at(counts, window.popleft(), 1)

    def _full(self, scale: int, codes: int) -> bool:
        return codes >= DRAWS * self.sizes[scale]

    def _message(self, scale: int, usage: Usage) -> str:
        return (f"scale {scale + 1} has collapsed: it uses {usage.used} of {usage.size} words "
                f"({100 * usage.share:.1f} %, under {100 * self.lowest:.0f} %) over the last "
                f"{len(self._codes[scale])} steps ({usage.n} codes); the last checkpoint is kept: "
                "switch the lookup on later (unquantised), give commitment or isotropy more "
                "weight, take fewer words or a lower learning_rate, and start again in another out")

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to log the same figures."""
        codes = [[torch.from_numpy(part) for part in window] for window in self._codes]
        return {"steps": self.steps, "codes": codes}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self._forget()
        self.steps = state["steps"]
        for scale, window in enumerate(state["codes"]):
            for part in window:
                self._push(scale, part.cpu().numpy())
