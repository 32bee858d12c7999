"""Clips to listen to and to look at: what each codec makes of a few."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
import torch

from llm_codec.bench import codecs
from llm_codec.bench.clips import Clip
from llm_codec.bench.metrics import RATE
from llm_codec.bench.needs import needs
from llm_codec.bench.worker import one_thread, reconstruct
from llm_codec.manifest import load_clip
from llm_codec.mel import LogMel

LONGEST = 6  # seconds that are shown of a clip
BANDS, WINDOW, HOP = 96, 1024, 320


@dataclass(frozen=True)
class Sample:
    """A clip and what the codecs made of it.

    Args:
        clip: which.
        reference: float32 (S,) at 16 kHz.
        decoded: float32 (S,) by codec.
    """

    clip: Clip
    reference: np.ndarray
    decoded: dict[str, np.ndarray]


def draw(clips: Sequence[Clip], specs: Sequence[str], count: int) -> list[Sample]:
    """The first clips that can be read and coded, kinds taken in turn; their first six seconds."""
    loaded = {spec: codecs.load(spec) for spec in specs} if count else {}
    samples: list[Sample] = []
    for clip in _in_turn(clips):
        if len(samples) == count:
            break
        try:
            wave = load_clip(clip.path, RATE)[: LONGEST * RATE]
            with one_thread():
                decoded = {name: reconstruct(codec, wave)[0] for name, codec in loaded.items()}
        except (ValueError, OSError, RuntimeError):  # the record tells of it
            continue
        samples.append(Sample(clip, wave, decoded))
    return samples


def player(wave: np.ndarray) -> str:
    """Data address of a FLAC file of (S,) at 16 kHz."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(wave, -1, 1), RATE, format="FLAC", subtype="PCM_16")
    return _address("audio/flac", buffer.getvalue())


def spectrogram(wave: np.ndarray) -> np.ndarray:
    """Log-mel spectrogram of (S,): (96, T) in dB, low bands first."""
    mel = LogMel(RATE, WINDOW, HOP, BANDS)
    whole = torch.nn.functional.pad(torch.from_numpy(wave), (0, -len(wave) % HOP))
    return mel(whole[None, None])[0].numpy() * (20 / np.log(10))


def picture(decibels: np.ndarray) -> str:
    """Data address of a PNG of a spectrogram, from -75 dB to its loudest."""
    return _png(decibels, decibels.max() - 75, decibels.max(), "magma")


def difference(decibels: np.ndarray, reference: np.ndarray) -> str:
    """Data address of a PNG: where a reconstruction is louder (red) or quieter (blue), +-40 dB."""
    floor = reference.max() - 75
    return _png(np.maximum(decibels, floor) - np.maximum(reference, floor), -40, 40, "RdBu_r")


def _in_turn(clips: Sequence[Clip]) -> list[Clip]:
    """One clip of each kind, then the next of each."""
    seen: dict[str, int] = {}
    order = {}
    for clip in clips:
        seen[clip.kind] = seen.get(clip.kind, -1) + 1
        order[clip.name] = seen[clip.kind]
    return sorted(clips, key=lambda clip: order[clip.name])


def _png(values: np.ndarray, low: float, high: float, colours: str) -> str:
    buffer = io.BytesIO()
    needs("matplotlib.image").imsave(
        buffer, values[::-1], vmin=low, vmax=high, cmap=colours, format="png",
        metadata={"Software": None},
    )
    return _address("image/png", buffer.getvalue())


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
