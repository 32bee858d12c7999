"""Tasks by name; the module of a task is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from icl.tasks.base import Clip, DataError, Task

TASKS = {"fsdd": "icl.tasks.fsdd"}  # name -> module with a `TASK`

__all__ = ["TASKS", "Clip", "DataError", "Task", "get"]


def get(name: str) -> Task:
    """The task called ``name``.

    Raises:
        DataError: there is none; the message lists those there are.
    """
    if name not in TASKS:
        raise DataError(f"no task is called {name!r}; there are {sorted(TASKS)}")
    return import_module(TASKS[name]).TASK
