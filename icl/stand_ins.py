"""Plain words that stand for labels a language model would spell in many pieces.

An example shows what a label means, so the label need not say it: in-context learners follow
arbitrary labels as well (symbol tuning, arXiv 2305.08298). Names such as ``chopping_vegetables``
cost a dozen tokens, and how likely a piece is after another drowns what the examples say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

MODES = ("auto", "own", "plain")
SHORT = 2  # tokens of a label that is written as it is, in mode ``"auto"``
WORDS = (
    "cat", "dog", "river", "house", "music", "paper", "winter", "garden", "king", "letter",
    "market", "silver", "window", "doctor", "island", "machine", "summer", "village", "bread",
    "stone", "horse", "school", "money", "friend", "mountain", "fire", "boat", "tree", "queen",
    "street",
)  # fmt: skip


def written(
    labels: Sequence[str], mode: str, spell: Callable[[str], Sequence[int]]
) -> dict[str, str]:
    """How each label is written in a prompt.

    Args:
        labels: distinct ones.
        mode: ``"own"`` writes labels as they are; ``"plain"`` writes `WORDS` instead, in order,
            those left out that are labels; ``"auto"`` does so where a label has more than `SHORT`
            tokens. More labels than words are written as they are.
        spell: token ids of a label.
    """
    words = [word for word in WORDS if word not in labels and len(spell(word)) == 1]
    long = any(len(spell(label)) > SHORT for label in labels)
    if mode == "own" or (mode == "auto" and not long) or len(words) < len(labels):
        return {label: label for label in labels}
    return dict(zip(labels, words, strict=False))
