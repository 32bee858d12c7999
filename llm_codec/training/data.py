"""What a step hears: crops and pairs of takes, drawn by seed, step and process alone."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from llm_codec.config import CodecConfig
from llm_codec.training.bank import MANNER, ClipBank
from llm_codec.training.wave import augment, level, mix

CROPS, TAKES, NOISE = 0, 1, 2  # streams of random numbers that know nothing of one another
TAKE_SECONDS, TAKE_LEVEL = 0.96, -26.0  # of a clip: longest; dBFS
MOODS = 0.3  # share of the labels drawn that are heard on the whole: fewer clips, harder to tell


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
        waves: (B, S) float32, what is wanted.
        heard: (B, S) what the encoder gets: the same, or with noise in some rows.
        spans: where which clip lies.
    """

    waves: np.ndarray
    heard: np.ndarray
    spans: list[Span]


@dataclass(frozen=True)
class Noise:
    """Noise for the encoder's ears alone: what is wanted stays clean (see `Sampler`).

    Args:
        bank: clips of noise.
        share: of the crops that get some, 0 to 1.
        snr: dB, lowest and highest.
    """

    bank: ClipBank
    share: float
    snr: tuple[float, float]


class Sampler:
    """Draws crops, and pairs of takes that should sound alike.

    Noise is mixed into what the encoder hears and not into what the decoder should give, so that
    words are kept under noise; a codec that should render noise as it is gets a share of 0, and
    noise among its clips.

    A pair of takes is two clips of one label, by different speakers where there are some; where no
    two labels can be told apart, it is two views of one clip, each changed in its own way.

    Args:
        bank: where clips come from.
        length: S of a crop, whole blocks of the codec.
        shape: of the codec.
        seed: of every draw.
        levels: dBFS, lowest and highest RMS that a clip is brought to.
        noise: if any.
        process: number of this process; each draws rows of its own.
    """

    def __init__(
        self, bank: ClipBank, length: int, shape: CodecConfig, seed: int,
        levels: tuple[float, float] = (-32.0, -20.0), noise: Noise | None = None, process: int = 0,
    ) -> None:
        self.bank, self.length, self.seed, self.process = bank, length, seed, process
        self.levels, self.noise = levels, noise
        blocks = max(1, round(TAKE_SECONDS * shape.sample_rate / shape.block_samples))
        self.take_length = blocks * shape.block_samples
        groups = collections.defaultdict(list)
        for number, row in enumerate(bank.rows):
            groups[row["source"]].append(number)
        self.sources = list(groups.values())
        total = [sum(map(bank.seconds, part)) for part in self.sources]
        self.weights = np.sqrt(total) / np.sqrt(total).sum()  # small sources are heard too
        labelled = bank.labelled()
        self.views = len(labelled) < 2
        if self.views:
            labelled = {(row["source"], str(number)): [number]
                        for number, row in enumerate(bank.rows)}
        self.labels = list(labelled.values())
        self.families = [source for source, _ in labelled]
        self.moods = np.array([bank.rows[numbers[0]]["label_kind"] in MANNER and not self.views
                               for numbers in self.labels], bool)
        self.label_weights = _shares(self.families, [*map(len, self.labels)], self.moods)
        self._last = ""

    def _rng(self, step: int, stream: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, step, stream, self.process))

    def crops(self, count: int, step: int) -> Crops:
        """Random crops, ``count`` of them, short clips strung together, at drawn levels."""
        rng = self._rng(step, CROPS)
        waves, spans = np.zeros((count, self.length), np.float32), []
        for row, crop in enumerate(waves):
            spans += self._fill(crop, row, rng)
        return Crops(waves, self._noisy(waves, self._rng(step, NOISE)), spans)

    def _fill(self, crop: np.ndarray, row: int, rng: np.random.Generator) -> Iterator[Span]:
        source = self.sources[rng.choice(len(self.sources), p=self.weights)]
        filled = 0
        while filled < self.length:
            clip = source[rng.integers(len(source))]
            wave = level(self.bank.clip(clip), rng.uniform(*self.levels))
            start = rng.integers(max(1, len(wave) - self.length + 1))
            part = wave[start : start + self.length - filled]
            crop[filled : filled + len(part)] = part
            yield Span(row, clip, filled, filled + len(part), int(start))
            filled += len(part) + int(rng.integers(4000))

    def _noisy(self, waves: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self.noise is None:
            return waves
        heard, bank = waves.copy(), self.noise.bank
        for row in heard:
            if rng.random() < self.noise.share:
                sound = bank.clip(int(rng.integers(len(bank.rows))))
                start = rng.integers(len(sound))
                row[:] = mix(row, np.resize(np.roll(sound, -start), len(row)),
                             rng.uniform(*self.noise.snr))
        return heard

    def takes(self, classes: int, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Two clips of each of some labels, or two views of each of some clips.

        Returns:
            C labels, all different, ``classes`` of them or as many as are there:
            (2 C, S) float32, takes of one label side by side, up to `TAKE_SECONDS` of each; their
            true lengths; and which of them are alike on the whole, whatever comes when.

        Raises:
            ValueError: there is one clip alone.
        """
        self.check_takes()
        rng = self._rng(step, TAKES)
        picked, size = self._labels(classes, rng), self.take_length
        whole = self.moods[picked].repeat(2)
        waves, lengths = np.zeros((len(whole), size), np.float32), []
        for row, group in enumerate(np.repeat(picked, 2)):
            wave = self.bank.clip(self._other(self.labels[group], row, rng))
            if whole[row] or self.views and row % 2 == 0:  # both views are of one place
                start = int(rng.integers(max(1, len(wave) - size)))
            elif not self.views:
                start = 0
            wave = level(augment(wave[start : start + size], rng)[:size], TAKE_LEVEL)
            waves[row, : len(wave)] = wave
            lengths.append(len(wave))
        return waves, np.array(lengths), whole

    def check_takes(self) -> None:
        """Raises ValueError if there is nothing that takes can be drawn from."""
        if len(self.labels) < 2:
            raise ValueError("there is one clip to train on, but the loss agreement compares two "
                             "or more; take more clips, or give agreement weight 0")

    def _labels(self, classes: int, rng: np.random.Generator) -> np.ndarray:
        """Numbers of labels; mostly of one source, where only what is said tells them apart."""
        first = rng.choice(len(self.labels), p=self.label_weights)
        family = [n for n, source in enumerate(self.families) if source == self.families[first]]
        if rng.random() < 0.7 and len(family) > 1:
            return rng.choice(family, size=min(classes, len(family)), replace=False)
        size = min(classes, np.count_nonzero(self.label_weights))
        return rng.choice(len(self.labels), size=size, replace=False, p=self.label_weights)

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


def _shares(families: list[str], sizes: list[int], moods: np.ndarray) -> np.ndarray:
    """How often each label is drawn (L,): roots of sizes, so that a small data set is heard too.

    Args:
        families: data set of each label.
        sizes: clips of each label.
        moods: bool (L,), labels heard on the whole: `MOODS` of the draws, if there are others.
    """
    shares, roots = np.zeros(len(sizes)), np.sqrt(sizes)
    for family in sorted(set(families)):
        own = np.array([name == family for name in families])
        shares[own] = np.sqrt(np.sum(sizes, where=own)) * roots[own] / roots[own].sum()
    for kind, share in ((moods, MOODS), (~moods, 1 - MOODS)):
        shares[kind] *= share / max(shares[kind].sum(), 1e-9)
    return shares / max(shares.sum(), 1e-9)
