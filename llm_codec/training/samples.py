"""What a run sounds and looks like: a few clips as audio, and their spectrograms as one picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from llm_codec import atomic, audio
from llm_codec.bench.needs import needs
from llm_codec.bench.samples import spectrogram
from llm_codec.training.evaluation import Decoded

COUNT = 4
SIZE = 3  # pixels of a band and of a frame
RANGE = 75  # dB under the loudest that are shown


def write_samples(folder: Path, pairs: Sequence[Decoded], sample_rate: int) -> None:
    """Writes ``N-original.wav``, ``N-decoded.wav`` and ``spectrograms.png``.

    The picture has a column for each clip: the original above, what was decoded below.

    Args:
        folder: made if missing; what an earlier evaluation left is written over.
        pairs: the first `COUNT` are taken.
        sample_rate: Hz.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, pair in enumerate(pairs[:COUNT], start=1):
        audio.save(folder / f"{number}-original.wav", pair.original, sample_rate)
        audio.save(folder / f"{number}-decoded.wav", pair.decoded, sample_rate)
    picture, levels = io.BytesIO(), _columns(pairs[:COUNT])[::-1]
    needs("matplotlib.image", "train").imsave(
        picture, levels.repeat(SIZE, 0).repeat(SIZE, 1), cmap="magma", format="png",
        metadata={"Software": None})
    atomic.write_bytes(folder / "spectrograms.png", picture.getvalue())


def _columns(pairs: Sequence[Decoded]) -> np.ndarray:
    """Levels (bands, T) of all clips side by side, low bands first, decoded under original."""
    columns = []
    for pair in pairs:
        above, below = spectrogram(pair.original), spectrogram(pair.decoded)
        top = above.max()
        shown = [np.clip(part - top, -RANGE, 0) for part in (below, above)]
        gap = np.zeros((2, above.shape[1]))
        columns += [np.concatenate([shown[0], gap, shown[1]]),
                    np.zeros((2 * len(above) + 2, 4))]
    return np.concatenate(columns[:-1], axis=1)
