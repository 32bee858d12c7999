"""What a job is: which kind of thing is made of which, and how an example is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

KINDS = ("audio", "text")
LENGTHS = ("source", "ratio", "shown")
WORDS = ("all", "shown")


@dataclass(frozen=True)
class Job:
    """A way to make one thing of another, learnt from pairs of them.

    Args:
        name: how users ask for it.
        description: one line.
        source, target: ``"audio"`` or ``"text"``.
        template: name in `icl.template.TEMPLATES`.
        scales: leading codec scales in the prompt; None is all, which sound needs.
        length: how long the sound that is made lasts: as its source; as the source times the
            middle ratio of the examples; or as any of the examples' targets, where the language
            model ends it.
        words: that sound may be made of: all, or those of the examples' targets. A small model that
            wavers between two examples says a word of neither.
        split: makes source and target of one clip (S,), where examples need not be pairs.

    Raises:
        ValueError: a kind or length that does not exist.
    """

    name: str
    description: str
    source: str
    target: str
    template: str = "pocket-last"
    scales: int | None = None
    length: str = "ratio"
    words: str = "all"
    split: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None

    def __post_init__(self) -> None:
        fields = (("source", KINDS), ("target", KINDS), ("length", LENGTHS), ("words", WORDS))
        for name, known in fields:
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {known}")
        if self.source == "text" and self.target == "audio" and self.length != "shown":
            raise ValueError(f"length is {self.length!r}; a sound made of text has 'shown'")
