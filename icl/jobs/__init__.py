"""What a generator can be asked to make, by name; a job's module is imported when asked for."""

from __future__ import annotations

from importlib import import_module

from icl.jobs.base import Job
from icl.template import SettingError

JOBS = {  # name -> module with a `JOB`
    "enhance": "icl.jobs.enhance",
    "speak": "icl.jobs.speak",
    "sound": "icl.jobs.sound",
    "transcribe": "icl.jobs.transcribe",
    "convert": "icl.jobs.convert",
    "continue": "icl.jobs.continuation",
}

__all__ = ["JOBS", "Job", "get"]


def get(name: str | Job) -> Job:
    """The job called ``name``; a `Job` is passed through.

    Raises:
        SettingError: there is none; the message lists those there are.
    """
    if isinstance(name, Job):
        return name
    if name not in JOBS:
        raise SettingError(f"no job is called {name!r}; there are {sorted(JOBS)}")
    return import_module(JOBS[name]).JOB
