"""Sound to sound by example: whatever the pairs have in common."""

from icl.jobs.base import Job

JOB = Job("convert", "sound to sound, by whatever rule the examples show", "audio", "audio")
