"""Text to speech: digits and short phrases, also asked for as arithmetic ("1 + 1")."""

from icl.jobs.base import Job

JOB = Job(
    "speak", "text to speech: digits, short phrases, sums", "text", "audio", "pocket-say",
    length="shown", words="shown",
)  # fmt: skip
