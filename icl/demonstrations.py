"""Which examples are shown, and in which order."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from icl.template import SettingError, require_known
from llm_codec.codec import LLMCodec
from llm_codec.codes import Codes

CHOICES = ("all", "random", "balanced", "nearest")
ORDERS = ("given", "shuffled", "nearest-first", "nearest-last")
FRAMES = 8  # pieces of equal length into which a clip is cut to be compared

Pair = tuple[Any, Any]  # source and target
T = TypeVar("T")


@dataclass(frozen=True)
class Choice:
    """How examples are chosen and ordered.

    Args:
        choose: ``"all"``; ``"random"``: as many as ``per_label`` of each would be, whatever their
            labels; ``"balanced"``: ``per_label`` of each label; ``"nearest"``: the ``per_label``
            of each label that are most like the query. Where targets are no labels, all are of
            one label.
        per_label: how many, for all but ``"all"``.
        order: ``"given"``, ``"shuffled"``, or by likeness to the query.
        seed: of draws and shuffles.

    Raises:
        SettingError: a setting that does not exist, or ``per_label`` is missing.
    """

    choose: str = "all"
    per_label: int | None = None
    order: str = "shuffled"
    seed: int = 0

    def __post_init__(self) -> None:
        require_known(CHOICES, choose=self.choose)
        require_known(ORDERS, order=self.order)
        if self.choose == "all" and self.per_label is not None:
            raise SettingError(f"per_label is {self.per_label}, but choose='all' shows all; give "
                               "choose='balanced', 'nearest' or 'random' with it")
        if self.choose != "all" and (self.per_label is None or self.per_label < 1):
            raise SettingError(
                f"per_label is {self.per_label}; choose={self.choose!r} needs 1 or more"
            )

    @property
    def looks(self) -> bool:
        """Whether the query decides what is shown."""
        return self.choose == "nearest" or self.order.startswith("nearest")

    def pick(
        self, pairs: Sequence[Pair], turn: int = 0, likeness: Sequence[float] | None = None
    ) -> list[Pair]:
        """Examples to show, in prompt order.

        Args:
            pairs: all examples.
            turn: 0 gives the order asked for, each other number another shuffle of it;
                order by likeness to the query stays what it is.
            likeness: of each source to the query; needed where the query decides.
        """
        rng = random.Random(self.seed)
        chosen = self._choose(pairs, rng, likeness)
        if self.order.startswith("nearest"):
            chosen.sort(key=lambda index: likeness[index], reverse=self.order == "nearest-first")
            return [pairs[index] for index in chosen]
        if self.order == "shuffled":
            rng.shuffle(chosen)
        return [pairs[index] for index in reorder(chosen, self.seed, turn)]

    def _choose(
        self, pairs: Sequence[Pair], rng: random.Random, likeness: Sequence[float] | None
    ) -> list[int]:
        groups: dict[str, list[int]] = {}
        for index, (_, target) in enumerate(pairs):
            groups.setdefault(target if isinstance(target, str) else "", []).append(index)
        if self.choose == "all":
            return list(range(len(pairs)))
        if self.choose == "random":
            count = min(len(pairs), self.per_label * len(groups))
            return sorted(rng.sample(range(len(pairs)), count))
        chosen = []
        for group in groups.values():
            if self.choose == "nearest":
                chosen += sorted(group, key=lambda index: -likeness[index])[: self.per_label]
            else:
                chosen += rng.sample(group, min(self.per_label, len(group)))
        return sorted(chosen)


def reorder(items: Sequence[T], seed: int, turn: int) -> list[T]:
    """Items in the order of one turn: 0 as given, others shuffled.

    No order comes again before all have come, so that few items, such as two labels, are in
    each order equally often (ours).
    """
    possible = math.factorial(len(items))
    orders = [[*range(len(items))]]
    for number in range(1, turn + 1):
        had = orders[len(orders) // possible * possible :]
        rng, places = random.Random(f"{seed} {number}"), orders[0].copy()
        rng.shuffle(places)
        while places in had:
            rng.shuffle(places)
        orders.append(places)
    return [items[place] for place in orders[turn]]


def outline(codec: LLMCodec, clips: Sequence[Codes]) -> Tensor:
    """What clips are compared by: unit vectors (N, D * FRAMES) of the codec's quantised latent.

    The latent of all scales is averaged over pieces of equal length:
    cosine likeness of these vectors is likeness of sounds, whatever their speed (ours).
    """
    rows, device = [], codec.quantizer.codebooks[0].table.device
    for clip in clips:
        latent = codec.quantizer.decode([scale.to(device) for scale in clip.scales])
        valid = -(-int(clip.num_samples) // clip.hop_length)
        pieces = torch.nn.functional.adaptive_avg_pool1d(latent[..., :valid], FRAMES)
        rows.append(pieces.flatten().float().cpu())
    return torch.nn.functional.normalize(torch.stack(rows), dim=-1)


def likeness(codec: LLMCodec, known: Tensor, query: Any) -> list[float]:
    """Cosine likeness of a query to each of some outlines (N, ...): -1 to 1; 0 if it is no clip."""
    if not isinstance(query, Codes):
        return [0.0] * len(known)
    return (known @ outline(codec, [query])[0]).tolist()
