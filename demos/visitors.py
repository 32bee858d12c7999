"""Visitors of the page: fields for their clips, what is refused at once, how they are told."""

import filecmp
import functools
import os.path
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from llm_codec import blocks, failure

# The shipped model holds 2048 tokens and the codec writes 8.3 words a second: 247 s fill all of it.
LONGEST = 240  # seconds of one clip
LARGEST = "100mb"  # of one file, refused while it is uploaded: LONGEST as 48 kHz stereo floats


def field(label: str) -> gr.Audio:
    """A field for one clip, which gives its path."""
    return gr.Audio(sources=["upload", "microphone"], type="filepath", label=label)


def require_short(clip: str) -> None:
    """ValueError when a sound file lasts longer than LONGEST; all else passes, texts too."""
    seconds = blocks.seconds(clip)
    if seconds > LONGEST:
        raise ValueError(
            f"{Path(clip).name} lasts {seconds:.0f} s; a clip may last {LONGEST} s, which is about "
            "all that the model can read: cut it shorter"
        )


def same(one: str, other: str) -> bool:
    """Whether two texts are equal, or two paths lead to files of equal content."""
    files = os.path.isfile(one) and os.path.isfile(other)
    return one == other or (files and filecmp.cmp(one, other, shallow=False))


def on_page(handler: Callable) -> Callable:
    """Show what a user did wrong as one line on the page instead of a traceback."""

    @functools.wraps(handler)
    def guarded(*args):
        try:
            return handler(*args)
        except (ValueError, OSError, RuntimeError, ImportError) as error:
            raise gr.Error(failure.message(error), print_exception=False) from error

    return guarded
