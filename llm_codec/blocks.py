"""Sound files read and written block by block: memory does not grow with their length."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path

import numpy as np
import soundfile
import soxr

from llm_codec import atomic
from llm_codec.audio import LOUDEST, RATES, AudioError, pcm, require_whole

READ_FRAMES = 2**16  # sample frames read at a time


def shape(path: str | PathLike) -> tuple[int, int]:
    """Sample frames a file's header promises and its rate in Hz; zeros if it is no sound file."""
    try:
        header = soundfile.info(str(path))
    except (soundfile.SoundFileError, TypeError, ValueError, OSError):
        return 0, 0
    return header.frames, header.samplerate


def seconds(path: str | PathLike) -> float:
    """Length a file's header promises; 0 where it cannot be told, as of what is no sound file."""
    frames, rate = shape(path)
    return frames / rate if RATES[0] <= rate <= RATES[1] else 0.0


def comment(path: str | PathLike) -> str:
    """Text that a sound file carries; empty if it is none, or carries none."""
    try:
        with soundfile.SoundFile(str(path)) as file:
            return file.comment
    except (soundfile.SoundFileError, TypeError):
        return ""


def peak(path: str | PathLike) -> float:
    """What `audio.peak` gives, block by block.

    Raises:
        AudioError: the file turns out damaged, or to hold NaN or infinity.
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            return max(float(np.abs(block).max()) for block in _blocks(file, path))
    except (soundfile.SoundFileError, TypeError) as error:
        raise AudioError(f"{path} cannot be read to its end ({error}); convert to wav") from error


def read(path: str | PathLike, sample_rate: int) -> Iterator[np.ndarray]:
    """The samples `audio.load` gives, block by block and bit for bit.

    Args:
        path: any file libsndfile reads; channels are averaged.
        sample_rate: Hz of the result.

    Yields:
        float32 (n,), n >= 1, in [-1, 1].

    Raises:
        AudioError: the file is cut short, turns out damaged, or holds NaN or infinity.
    """
    require_whole(path)
    try:
        with soundfile.SoundFile(str(path)) as file:
            mono = (block.mean(axis=1) for block in _blocks(file, path))
            for block in _resampled(mono, file.samplerate, sample_rate):
                if block.size:
                    yield np.clip(block, -1.0, 1.0)
    except (soundfile.SoundFileError, TypeError) as error:
        raise AudioError(f"{path} cannot be read to its end ({error}); convert to wav") from error


def _blocks(file: soundfile.SoundFile, path: str | PathLike) -> Iterator[np.ndarray]:
    """Samples as they lie in the file, float32 (n, C)."""
    while len(block := file.read(READ_FRAMES, dtype="float32", always_2d=True)):
        if not (np.abs(block) < LOUDEST).all():  # NaN is not less either
            raise AudioError(f"{path} holds NaN or infinite samples; expected numbers in [-1, 1]")
        yield block


def _resampled(blocks: Iterable[np.ndarray], rate: int, target_rate: int) -> Iterator[np.ndarray]:
    """Blocks at another rate, as if resampled in one piece."""
    if rate == target_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, target_rate, 1, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)


def save(
    path: str | PathLike, waves: Iterable[np.ndarray], sample_rate: int, comment: str = ""
) -> None:
    """Writes what `audio.save` would, block by block; the file appears when all are written.

    Args:
        path: ends in ``.wav`` or ``.flac``.
        waves: float32 (n,) each; clipped to [-1, 1].
        sample_rate: Hz.
        comment: text that the file carries beside its sound.

    Raises:
        AudioError: another suffix.
        OSError: the file cannot be written.
    """
    kind = Path(path).suffix.lower()
    if kind not in (".wav", ".flac"):
        raise AudioError(f"{path} ends in {kind or 'nothing'!r}; expected .wav or .flac")
    layout = {"format": kind[1:].upper(), "subtype": "PCM_16"}
    written = 0
    with atomic.writing(path) as stream:  # by name: libsndfile prints errors of Python's streams
        try:
            with soundfile.SoundFile(stream.name, "w", sample_rate, 1, **layout) as file:
                if comment:
                    file.comment = comment
                for wave in waves:
                    file.write(pcm(wave))
                    written += len(wave)
        except soundfile.SoundFileError as error:
            raise OSError(errno.EIO, f"cannot be written ({error})", str(path)) from error
        if shape(stream.name) != (written, sample_rate):  # closing a file tells of no full disk
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
