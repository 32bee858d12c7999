"""Text to sound: the name of an event to a clip of it."""

from icl.jobs.base import Job

JOB = Job(
    "sound", "the name of an event to its sound", "text", "audio", "pocket-say",
    length="shown", words="shown",
)  # fmt: skip
