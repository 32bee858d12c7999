"""Prompts as data: typed segments that render to token ids, text and coloured words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Segment:
    """A run of tokens of one kind.

    Args:
        kind: ``"text"``, ``"audio"`` or ``"label"``.
        text: what the tokens say.
        ids: token ids.
        scale: 1..K for audio words of one scale, else None.
    """

    kind: str
    text: str
    ids: tuple[int, ...]
    scale: int | None = None

    @property
    def tag(self) -> str:
        """Colour key: ``"scale 1"`` .. ``"scale K"``, ``"label"`` or ``"text"``."""
        return self.kind if self.scale is None else f"scale {self.scale}"


@dataclass(frozen=True)
class Prompt:
    """Segments in the order the language model reads them; ``head + tail`` joins two."""

    segments: tuple[Segment, ...]

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """Token ids of all segments."""
        return tuple(token for segment in self.segments for token in segment.ids)

    @property
    def text(self) -> str:
        """The prompt as words."""
        return "".join(segment.text for segment in self.segments)

    @property
    def spans(self) -> list[tuple[int, int, Segment]]:
        """Start, stop and segment for each segment; ``ids[start:stop] == segment.ids``."""
        spans, start = [], 0
        for segment in self.segments:
            spans.append((start, start + len(segment.ids), segment))
            start += len(segment.ids)
        return spans

    def coloured(self) -> list[tuple[str, str]]:
        """Text and colour key of each segment, in order; the texts join to `text`."""
        return [(segment.text, segment.tag) for segment in self.segments]

    def __len__(self) -> int:
        return len(self.ids)

    def __add__(self, other: Prompt) -> Prompt:
        return Prompt(self.segments + other.segments)
