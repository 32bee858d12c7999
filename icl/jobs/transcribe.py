"""Sound to text: short transcripts and captions; the slow, semantic words are enough to read."""

from icl.jobs.base import Job

JOB = Job(
    "transcribe", "sound to a short transcript or caption", "audio", "text", "pocket", scales=1
)
