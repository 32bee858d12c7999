"""Continuation: the beginning of a clip to its rest."""

from torch import Tensor

from icl.jobs.base import Job


def halve(wave: Tensor) -> tuple[Tensor, Tensor]:
    """Both halves of a clip (S,)."""
    middle = len(wave) // 2
    return wave[:middle], wave[middle:]


JOB = Job("continue", "how a sound goes on", "audio", "audio", split=halve)
