"""Speech enhancement: noisy to clean, in the same words of the same length."""

from icl.jobs.base import Job

JOB = Job("enhance", "noisy sound to clean sound", "audio", "audio", length="source")
