"""Audio in and out: files and arrays to mono float32 at the codec's rate, and back to files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor

from llm_codec import atomic

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au")
"""File names taken for audio when a folder is searched; any file libsndfile knows can be loaded."""

SILENCE = 1e-5
"""Peak under which a clip counts as silent: -100 dBFS, a third of one step of 16-bit audio."""

RATES = (1000, 1_000_000)
"""Hz, lowest and highest taken: a damaged header that says 1 Hz would turn seconds into hours."""

LOUDEST = 1e6
"""Full scales above which a sample is no sound but damage: its square or a sum may overflow."""

# Value of full scale and of zero in integer audio, by dtype.
_INTEGER_SCALE = {"int16": (2**15, 0), "int32": (2**31, 0), "uint8": (2**7, 2**7)}

Audio = str | PathLike | np.ndarray | Tensor
"""One clip, or a (B, 1, S) batch: what `prepare` accepts, alone or in a list."""


class AudioError(ValueError):
    """A clip cannot be used; the message names it and says what was expected."""


def load(path: str | PathLike, sample_rate: int = 16000) -> np.ndarray:
    """Reads an audio file as mono at ``sample_rate``.

    Args:
        path: any format libsndfile reads (wav, flac, ogg, opus, mp3, aiff, ...), any number of
            channels (averaged) and any rate (resampled by soxr, high quality).
        sample_rate: Hz of the result.

    Returns:
        float32 (S,), S >= 1, clipped to [-1, 1].

    Raises:
        AudioError: the file is missing, empty, not audio, holds no samples, or NaN or infinity.
    """
    samples, rate = _read(Path(path))
    _check(samples, str(path))
    return np.clip(_resample(samples.mean(axis=1), rate, sample_rate), -1.0, 1.0)


def peak(path: str | PathLike) -> float:
    """Largest magnitude of any channel, as the file has it: floats may go beyond 1.

    Raises:
        AudioError: as `load`.
    """
    samples, _ = _read(Path(path))
    _check(samples, str(path))
    return float(np.abs(samples).max())


def prepare(
    audio: Audio | Sequence[Audio], sample_rate: int | None = None, target_rate: int = 16000
) -> list[Tensor]:
    """Brings whatever a user may hand over to one form.

    Args:
        audio: a path, an array or tensor (S,), (C, S) or (B, 1, S), or a list of these. Floats
            are taken as [-1, 1]; int16, int32 and uint8 are scaled to that.
        sample_rate: Hz of arrays and tensors; None means ``target_rate``. Files carry their own.
        target_rate: Hz of the result.

    Returns:
        One CPU float32 tensor (S,) per clip, S >= 1; a batch gives B of them. Silence is fine
        here: it encodes like any other clip (`require_sound` is for those who need more).

    Raises:
        AudioError: a clip is unreadable, empty, of an unknown shape, type or rate, or not finite.
    """
    items = list(audio) if isinstance(audio, (list, tuple)) else [audio]
    clips = [clip for item in items for clip in _clips(item, sample_rate, target_rate)]
    if not clips:
        raise AudioError("no audio was given: expected at least one clip, got an empty list")
    return clips


def require_sound(clip: np.ndarray | Tensor, name: str) -> None:
    """Raises AudioError if ``clip`` (any shape, values in [-1, 1]) is silent.

    Args:
        clip: samples.
        name: what the message calls the clip, such as its path.
    """
    peak = float(abs(clip).max())
    if peak < SILENCE:
        raise AudioError(
            f"{name} is silent (peak {peak:.1e}, expected at least {SILENCE:.0e} of full scale); "
            "give a clip with sound in it"
        )


def save(
    path: str | PathLike, wave: np.ndarray | Tensor, sample_rate: int = 16000, comment: str = ""
) -> None:
    """Writes a mono 16-bit file, whole or not at all.

    Args:
        path: ends in ``.wav`` or ``.flac``.
        wave: (S,), (1, S) or (1, 1, S); clipped to [-1, 1].
        sample_rate: Hz.
        comment: text that the file carries beside its sound.

    Raises:
        AudioError: another suffix or shape, no samples, or NaN or infinity.
        OSError: the file cannot be written.
    """
    kind = Path(path).suffix.lower()
    if kind not in (".wav", ".flac"):
        raise AudioError(f"{path} ends in {kind or 'nothing'!r}; expected .wav or .flac")
    samples = _array(wave)
    if samples.size != samples.shape[-1]:
        raise AudioError(f"{path}: one mono clip can be saved, got shape {samples.shape}")
    _check(samples, str(path))
    buffer = io.BytesIO()  # written in memory, so that a full disk is a plain OSError
    with soundfile.SoundFile(buffer, "w", sample_rate, 1, "PCM_16", format=kind[1:]) as file:
        if comment:
            file.comment = comment
        file.write(pcm(samples.reshape(-1)))
    atomic.write_bytes(path, buffer.getvalue())


def pcm(wave: np.ndarray) -> np.ndarray:
    """Floats as int16 steps; of 1/32768, as readers have it: half a step at most is lost."""
    return np.clip(np.round(wave * 2.0**15), -(2**15), 2**15 - 1).astype(np.int16)


def require_whole(path: str | PathLike) -> None:
    """Raises AudioError if a wav file ends before its header says: libsndfile takes what is there.

    Forgiven are a few bytes, which writers count in different ways, and sizes written to a pipe.
    """
    with open(path, "rb") as stream:
        head, size = stream.read(8), stream.seek(0, io.SEEK_END)
    promised = 8 + int.from_bytes(head[4:], "little")
    if head[:4] == b"RIFF" and size + 8 < promised < 0x7FFF0000:
        raise AudioError(f"{path} ends after {size} bytes, but its header says {promised}; "
                         "copy or convert it again")


def _read(path: Path) -> tuple[np.ndarray, int]:
    """Samples (S, C) float32 and rate of a file, or AudioError saying why not."""
    try:
        with open(path, "rb") as stream:
            if not stream.peek(1):
                raise AudioError(f"{path} is an empty file (0 bytes); expected audio")
        require_whole(path)
        # By name: a callback of Python's that fails inside libsndfile would print a traceback.
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except FileNotFoundError:
        raise AudioError(f"{path} does not exist; check the path") from None
    except IsADirectoryError:
        raise AudioError(f"{path} is a folder; expected one audio file") from None
    except AudioError:
        raise
    # TypeError: headerless formats; the others: headers that promise more than memory holds
    except (soundfile.SoundFileError, TypeError, ValueError, MemoryError) as error:
        raise AudioError(
            f"{path} cannot be read as audio; expected wav, flac, ogg, mp3 or another format "
            "libsndfile knows (convert other files to wav first)"
        ) from error
    _check_rate(rate, str(path))
    return samples, rate


def _check_rate(rate: int, name: str) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError(f"{name} says {rate} Hz; expected {RATES[0]} to {RATES[1]} Hz")


def _clips(item: Audio, sample_rate: int | None, target_rate: int) -> list[Tensor]:
    """Clips (S,) of one element of what `prepare` was given."""
    if isinstance(item, (str, PathLike)):
        return [torch.from_numpy(load(item, target_rate))]
    if not isinstance(item, (np.ndarray, Tensor)):
        raise AudioError(
            f"audio is a {type(item).__name__}; expected a path, an array or tensor of shape "
            "(S,), (C, S) or (B, 1, S), or a list of these"
        )
    samples = _array(item)
    name = f"audio of shape {samples.shape}"
    _check_shape(samples, name)
    _check(samples, name)
    batch = samples if samples.ndim == 3 else np.atleast_2d(samples)[None]  # (B, C, S)
    rate = target_rate if sample_rate is None else sample_rate
    _check_rate(rate, name)
    return [torch.from_numpy(_resample(clip.mean(axis=0), rate, target_rate)) for clip in batch]


def _check_shape(samples: np.ndarray, name: str) -> None:
    """Rejects shapes that are not audio, channels-last arrays above all."""
    if not 1 <= samples.ndim <= 3:
        raise AudioError(f"{name}: expected (S,), (C, S) or (B, 1, S)")
    if samples.ndim == 3 and samples.shape[1] != 1:
        raise AudioError(f"{name}: a batch must be mono, (B, 1, S); average its channels first")
    if samples.ndim == 2 and samples.shape[0] > max(64, samples.shape[1]):
        raise AudioError(f"{name} looks like (S, C); expected (C, S): transpose it")


def _check(samples: np.ndarray, name: str) -> None:
    """Rejects clips without samples and clips with samples that are no numbers."""
    if not samples.size:
        raise AudioError(f"{name} holds no samples; expected at least one")
    broken = samples.size - int((np.abs(samples) < LOUDEST).sum())  # NaN is not less either
    if broken:
        raise AudioError(
            f"{name} holds {broken} NaN or infinite samples; expected numbers in [-1, 1]"
        )


def _array(audio: np.ndarray | Tensor) -> np.ndarray:
    """Float32 array of the same shape, integers scaled to [-1, 1]."""
    if isinstance(audio, Tensor):
        tensor = audio.detach().cpu()
        audio = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    audio = np.asarray(audio)
    if np.issubdtype(audio.dtype, np.floating):
        return audio.astype(np.float32)
    if audio.dtype.name not in _INTEGER_SCALE:
        raise AudioError(
            f"audio of type {audio.dtype}; expected floats in [-1, 1], int16, int32 or uint8"
        )
    scale, zero = _INTEGER_SCALE[audio.dtype.name]
    return ((audio.astype(np.float64) - zero) / scale).astype(np.float32)


def _resample(clip: np.ndarray, rate: int, target_rate: int) -> np.ndarray:
    """Clip (S,) at another rate; a clip shorter than one new sample becomes its mean."""
    if rate == target_rate:
        return np.ascontiguousarray(clip, dtype=np.float32)
    resampled = soxr.resample(clip.astype(np.float32), rate, target_rate)
    return resampled if len(resampled) else clip.mean(keepdims=True, dtype=np.float32)
