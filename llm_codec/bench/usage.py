"""Usage: how much of its codebooks a codec uses, and how evenly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llm_codec import usage
from llm_codec.bench.worker import Line


class Usage:
    """Counts codes over clips.

    Args:
        sizes: V_k of every scale, by codec.
    """

    def __init__(self, sizes: Mapping[str, Sequence[int]]) -> None:
        self.sizes = sizes
        self.counts = {codec: [Counter() for _ in scales] for codec, scales in sizes.items()}

    def take(self, clip: Line) -> Line:
        """Counts the ``codes`` of what `Worker.measure` gave, and gives back the rest of it."""
        for row in clip.get("rows", ()):
            for counter, found in zip(self.counts[row["codec"]], row.pop("codes", ())):
                counter.update(found)
        return clip

    def lines(self) -> list[Line]:
        """A line for each scale of each codec with codes.

        ``normalised_entropy`` is the entropy of their frequencies over log2 V_k: 1 if all are used
        alike. It and ``share_used`` are low where few codes were counted; ``n`` says how many.
        """
        return [
            {"line": "codebook", "codec": codec, "scale": number, **use([*counter.values()], size)}
            for codec, counters in self.counts.items()
            for number, (counter, size) in enumerate(zip(counters, self.sizes[codec]), start=1)
        ]


def use(counts: Sequence[int] | np.ndarray, size: int) -> dict[str, Any]:
    """Use of a codebook of V = ``size`` words as JSON values, from how often each was seen."""
    found = usage.Usage.of(np.asarray(counts, dtype=np.int64), size)
    return {
        "size": size, "n": found.n, "used": found.used, "share_used": round(found.share, 6),
        "entropy_bits": round(found.entropy, 6),
        "normalised_entropy": round(found.normalised_entropy, 6),
    }
