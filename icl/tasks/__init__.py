"""Tasks by name; the module of a task is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from icl.tasks import manifest
from icl.tasks.base import ClassificationTask, Clip, DataError, Task

MODULES = {  # name -> module, and the name of the task in it
    "fsdd": "icl.tasks.fsdd:TASK",
    "esc50": "icl.tasks.esc50:TASK",
    "folder": "icl.tasks.folder:TASK",
    "enhancement": "icl.tasks.enhancement:TASK",
    "enhancement-pairs": "icl.tasks.enhancement:PAIRS",
    "digit-speech": "icl.tasks.digit_speech:TASK",
    "digit-speech-words": "icl.tasks.digit_speech:SPELLED",
    "text-to-sound": "icl.tasks.text_to_sound:TASK",
}
TASKS = (*sorted([*MODULES, *manifest.TASKS]),)  # names

__all__ = ["TASKS", "ClassificationTask", "Clip", "DataError", "Task", "get"]


def get(name: str) -> Task:
    """The task called ``name``.

    Raises:
        DataError: there is none; the message lists those there are.
    """
    if name in manifest.TASKS:
        return manifest.TASKS[name]
    if name not in MODULES:
        raise DataError(f"no task is called {name!r}; there are {', '.join(TASKS)}")
    module, _, task = MODULES[name].partition(":")
    return getattr(import_module(module), task)
