"""Clips that no prompt can hold, refused by their length before they are loaded."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any

from icl.template import PromptError
from icl.writer import PromptWriter
from llm_codec import blocks
from llm_codec.audio import AudioError


def require_room(
    clips: Iterable[Any], writer: PromptWriter, context_length: int,
    sample_rate: int | None = None, times: int = 1,
) -> None:
    """Raise PromptError if the words of one clip alone are more than the language model holds.

    A word is a token or more, so that nothing is refused that fits. What is encoded already passes.

    Args:
        clips: paths, arrays or tensors, `Codes`, or other things, which pass.
        writer: of the prompt.
        context_length: tokens the language model holds.
        sample_rate: Hz, of arrays; None is the codec's own.
        times: how often a prompt shows each clip; 0 where it may not show it at all.
    """
    config = writer.vocabulary.config
    words = times * sum(config.frame_rate / n for n in config.vq_strides[: writer.scales])
    if not words:
        return
    most = context_length / words
    for position, clip in enumerate(clips):
        if (seconds := _seconds(clip, sample_rate or config.sample_rate, most)) > most:
            name = clip if isinstance(clip, str | Path) else f"clip {position}"
            fewer = ", fewer scales or repeats" if times > 1 or writer.scales > 1 else ""
            raise PromptError(
                f"{name} lasts {seconds:.1f} s but the language model holds {context_length} "
                f"tokens, {most:.1f} s of such sound at most; give a shorter clip{fewer}"
            )


def _seconds(clip: Any, rate: int, most: float) -> float:
    """Length of a clip, as far as it can be told; 0 if it cannot be, or is no more than most."""
    if isinstance(clip, str | Path):
        promised = blocks.seconds(clip)
        return promised if promised > most and _lasts(clip, most) else 0.0
    shape = getattr(clip, "shape", ())
    return shape[-1] / rate if shape else 0.0


def _lasts(path: str | Path, seconds: float) -> bool:
    """Whether a file goes on for longer than that: the length of an MP3 can be a wrong guess."""
    _, rate = blocks.shape(path)
    try:
        return any(end > seconds * rate for end in accumulate(map(len, blocks.read(path, rate))))
    except AudioError:
        return False  # whoever loads it says what is wrong
