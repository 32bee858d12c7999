"""The summary of a run follows from its items alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from icl.evaluation.calibration import reliability
from icl.evaluation.score import Score, mean_of
from icl.tasks.base import DataError

Item = dict[str, Any]


def summarise(items: Sequence[Item]) -> dict[str, Any]:
    """Scores, references, calibration, order flips, measurements and costs, as far as items tell.

    Args:
        items: one or more, of one run. Those left out are counted, with the reasons.

    Raises:
        DataError: all were left out.
    """
    reasons = Counter(item["left_out"] for item in items if "left_out" in item)
    if reasons.total() == len(items):
        raise DataError(f"no question could be asked: {items[0]['left_out']}")
    items = answered(items)
    parts: dict[str, Any] = {}
    if reasons:
        parts["left_out"] = {"n": reasons.total(), "reasons": dict(reasons.most_common())}
    if "gold" in items[0]:
        parts |= _accuracy(items)
    if "metrics" in items[0]:
        parts["metrics"] = _metrics(items)
    costs = ("seconds", "tokens_run", "tokens_saved")
    return {**parts, **{cost: round(sum(item[cost] for item in items), 3) for cost in costs}}


def answered(items: Sequence[Item]) -> list[Item]:
    """Items without those left out."""
    return [item for item in items if "left_out" not in item]


def _cluster(item: Item) -> str:
    """Items of one cluster are drawn together: those about one clip, or what else they share."""
    return item.get("cluster", item["query"])


def _accuracy(items: Sequence[Item]) -> dict[str, Any]:
    golds = [item["gold"] for item in items]
    asked = [_cluster(item) for item in items]

    def score(answers: Sequence[str]) -> Score:
        return Score.of([a == gold for a, gold in zip(answers, golds, strict=True)], asked)

    answers = [item["predicted"] for item in items]
    references = {
        name: score([item["references"][name] for item in items]).to_dict()
        for name in items[0].get("references", {})
    }
    choices = [item["choices"] if "choices" in item else [*item["probabilities"]] for item in items]
    references["majority"] = score(_most_asked(choices, golds)).to_dict()
    return {
        **score(answers).to_dict(),
        "by_seed": _accuracy_by(items, lambda item: [str(item["seed"])]),
        "by_group": _accuracy_by(items, lambda item: item.get("groups", [])),
        "chance": sum(1 / len(names) for names in choices) / len(items),
        "references": references,
        **_of_probabilities(items),
    }


def _most_asked(choices: Sequence[Sequence[str]], golds: Sequence[str]) -> list[str]:
    """For each question the label, of those it offers, that is the answer most often in the run."""
    counts = Counter(golds)
    return [max(sorted(names), key=lambda name: counts[name]) for names in choices]


def _accuracy_by(
    items: Sequence[Item], groups: Callable[[Item], Iterable[str]]
) -> dict[str, float]:
    """Accuracy over the items of each group; an item may be in several."""
    found: dict[str, list[bool]] = {}
    for item in items:
        for group in groups(item):
            found.setdefault(group, []).append(item["predicted"] == item["gold"])
    return {group: sum(right) / len(right) for group, right in found.items()}


def _of_probabilities(items: Sequence[Item]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if "probabilities" in items[0]:
        sure = [item["probabilities"][item["predicted"]] for item in items]
        parts["calibration"] = reliability(sure, [i["predicted"] == i["gold"] for i in items])
    if others := [
        (other != item["predicted"], _cluster(item))
        for item in items
        for other in item.get("other_orders", ())
    ]:
        flips = Score.of(*zip(*others, strict=True))
        counts = flips.to_dict()
        parts["order_flips"] = {"share": counts.pop("accuracy"), **counts}
    return parts


def _metrics(items: Sequence[Item]) -> dict[str, dict[str, Any]]:
    """Means of every measurement over all items and, where items name groups, over each."""
    groups = {"all": list(items)}
    for item in items:
        for group in item.get("groups", ()):
            groups.setdefault(group, []).append(item)
    return {
        group: {
            name: mean_of([i["metrics"][name] for i in members], [*map(_cluster, members)])
            for name in members[0]["metrics"]
        }
        for group, members in groups.items()
    }
