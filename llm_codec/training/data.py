"""Training audio: decoded once into one file, drawn from it by seed and step."""

from __future__ import annotations

import collections
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from llm_codec.manifest import load_clip

ALIKE = ("digit", "keyword", "wake_word", "word", "sound_class")  # label kinds: clips sound alike


class Span(NamedTuple):
    """A clip inside a batch of crops.

    Args:
        row: of the batch.
        clip: its number in the `ClipBank`.
        start, stop: its samples in the row; ``start`` included, ``stop`` not.
        offset: sample of the clip that lies at ``start``.
    """

    row: int
    clip: int
    start: int
    stop: int
    offset: int = 0


class Crops(NamedTuple):
    """A batch to reconstruct.

    Args:
        waves: (B, S) float32.
        spans: where which clip lies.
    """

    waves: np.ndarray
    spans: list[Span]


class ClipBank:
    """Clips as 16-bit samples in one memory-mapped file.

    Args:
        root: folder of the manifest.
        rows: the manifest's rows to hold.
        cache: folder for the decoded samples; made again when the list of clips changes.

    Raises:
        ValueError: there are no rows.
    """

    def __init__(self, root: Path, rows: Sequence[dict[str, str]], cache: Path) -> None:
        self.rows = list(rows)
        if not self.rows:
            raise ValueError(f"{root} has no clips of the split and speakers asked for")
        cache.mkdir(parents=True, exist_ok=True)
        key = hashlib.sha256(json.dumps([row["path"] for row in rows]).encode()).hexdigest()[:12]
        samples, index = cache / f"{key}.npy", cache / f"{key}-ends.npy"
        self.samples_path = samples
        if not index.exists():
            self._decode(root, samples, index)
        self.samples = np.load(samples, mmap_mode="r")
        self.ends = np.load(index)

    def _decode(self, root: Path, samples: Path, index: Path) -> None:
        parts = [
            np.clip(load_clip(root / row["path"]) * 32767, -32768, 32767).astype(np.int16)
            for row in tqdm(self.rows, desc="decode", disable=None)
        ]
        partial = samples.with_suffix(".part.npy")
        np.save(partial, np.concatenate(parts))
        os.replace(partial, samples)
        np.save(index, np.cumsum([len(part) for part in parts]))  # last: its presence means done

    def clip(self, number: int) -> np.ndarray:
        """Samples of a clip, (S,) float32 in [-1, 1]."""
        start = self.ends[number - 1] if number else 0
        return self.samples[start : self.ends[number]].astype(np.float32) / 32768

    def labelled(self) -> dict[tuple[str, str], list[int]]:
        """Clip numbers by (source, label), for labels whose clips sound alike, two or more each."""
        groups: dict[tuple[str, str], list[int]] = collections.defaultdict(list)
        for number, row in enumerate(self.rows):
            if row["label"] and row["label_kind"] in ALIKE:
                groups[row["source"], row["label"]].append(number)
        return {key: numbers for key, numbers in groups.items() if len(numbers) > 1}


class Sampler:
    """Draws crops and labelled clips; the draw depends on seed and step alone.

    Args:
        bank: where clips come from.
        seconds: length of a crop; 2.4 s and more keep slow scales alive (19 words).
        sample_rate: Hz.
        seed: of every draw.

    Raises:
        ValueError: no label has two clips that sound alike.
    """

    def __init__(self, bank: ClipBank, seconds: float, sample_rate: int, seed: int) -> None:
        self.bank, self.seed = bank, seed
        self.length = round(seconds * sample_rate)
        groups = collections.defaultdict(list)
        for number, row in enumerate(bank.rows):
            groups[row["source"]].append(number)
        self.sources = list(groups.values())
        total = [sum(float(bank.rows[n]["seconds"]) for n in part) for part in self.sources]
        self.weights = np.sqrt(total) / np.sqrt(total).sum()  # small sources are heard too
        labelled = bank.labelled()
        self.labels = list(labelled.values())
        if not self.labels:
            raise ValueError(f"no label of kind {', '.join(ALIKE)} has two clips; label some")
        sizes = np.sqrt([len(numbers) for numbers in self.labels])
        self.label_weights = sizes / sizes.sum()
        self.families = [source for source, _ in labelled]
        self._last = ""

    def crops(self, count: int, step: int) -> Crops:
        """Random crops, ``count`` of them, short clips strung together, at clip level."""
        rng = np.random.default_rng((self.seed, step, 0))
        waves, spans = np.zeros((count, self.length), np.float32), []
        for row, crop in enumerate(waves):
            spans += self._fill(crop, row, rng)
        return Crops(waves, spans)

    def _fill(self, crop: np.ndarray, row: int, rng: np.random.Generator) -> Iterator[Span]:
        source = self.sources[rng.choice(len(self.sources), p=self.weights)]
        filled = 0
        while filled < self.length:
            clip = source[rng.integers(len(source))]
            wave = level(self.bank.clip(clip), rng.uniform(-32, -20))
            start = rng.integers(max(1, len(wave) - self.length + 1))
            part = wave[start : start + self.length - filled]
            crop[filled : filled + len(part)] = part
            yield Span(row, clip, filled, filled + len(part), int(start))
            filled += len(part) + int(rng.integers(4000))

    def takes(
        self, classes: int, step: int, seconds: float = 0.96
    ) -> tuple[np.ndarray, np.ndarray]:
        """Two clips of each of some labels, at full length up to ``seconds``.

        Returns:
            (2 classes, S) float32, clips of one label side by side, and their true lengths.
        """
        rng = np.random.default_rng((self.seed, step, 1))
        picked = self._labels(classes, rng)
        size = round(seconds * 16000 / 3840) * 3840
        waves, lengths = np.zeros((2 * len(picked), size), np.float32), []
        for row, group in enumerate(np.repeat(picked, 2)):
            wave = self.bank.clip(self._other(self.labels[group], row, rng))[:size]
            wave = level(augment(wave, rng)[:size], -26.0)
            waves[row, : len(wave)] = wave
            lengths.append(len(wave))
        return waves, np.array(lengths)

    def _labels(self, classes: int, rng: np.random.Generator) -> np.ndarray:
        """Numbers of labels; mostly of one source, where only what is said tells them apart."""
        first = rng.choice(len(self.labels), p=self.label_weights)
        family = [n for n, source in enumerate(self.families) if source == self.families[first]]
        if rng.random() < 0.7 and len(family) > 1:
            return rng.choice(family, size=min(classes, len(family)), replace=False)
        few = len(self.labels) < classes
        return rng.choice(len(self.labels), size=classes, replace=few, p=self.label_weights)

    def _other(self, numbers: list[int], row: int, rng: np.random.Generator) -> int:
        """A clip of the label; the second of a pair by another speaker where there is one."""
        clip = numbers[rng.integers(len(numbers))]
        if row % 2:
            for _ in range(4):
                if self.bank.rows[clip]["speaker"] != self._last:
                    break
                clip = numbers[rng.integers(len(numbers))]
        self._last = self.bank.rows[clip]["speaker"]
        return clip


def level(wave: np.ndarray, decibels: float) -> np.ndarray:
    """Bring a clip to an RMS level in dBFS; silence stays silent."""
    rms = float(np.sqrt(np.mean(wave**2)))
    return wave if rms < 1e-6 else wave * np.float32(10 ** (decibels / 20) / rms)


def augment(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Speak faster and higher or slower and lower, start later or earlier, add a little noise.

    All are changes that no word of the coarsest scale should follow.
    """
    count = max(1, round(len(wave) * rng.uniform(0.88, 1.14)))
    wave = np.interp(np.linspace(0, len(wave) - 1, count), np.arange(len(wave)), wave)
    wave = wave.astype(np.float32)
    shift = int(rng.integers(-1200, 1201))
    cut = min(max(0, -shift), len(wave) - 1)  # some of the shortest clip is left
    wave = np.concatenate([np.zeros(max(0, shift), np.float32), wave[cut:]])
    noise = rng.standard_normal(len(wave)).astype(np.float32)
    rms = float(np.sqrt(np.mean(wave**2)))
    return wave + noise * np.float32(rms * 10 ** (-rng.uniform(15, 45) / 20))
