"""Clips, decoded once into one file."""

from __future__ import annotations

import collections
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from llm_codec import atomic
from llm_codec.training.corpus import Corpus, Row

ALIKE = ("digit", "keyword", "wake_word", "word", "sound_class")  # label kinds: clips sound alike
MANNER = ("emotion", "cry_reason")  # of other words every time: alike on the whole


class ClipBank:
    """Clips as 16-bit samples in one memory-mapped file.

    Only the rows given are ever read, whatever else the corpus lists.

    Args:
        corpus: where they come from.
        rows: of the corpus, those to hold.
        cache: folder for the decoded samples; made again when clips change.
        sample_rate: Hz.

    Raises:
        ValueError: there are no rows.
    """

    def __init__(
        self, corpus: Corpus, rows: Sequence[Row], cache: Path, sample_rate: int = 16000
    ) -> None:
        self.rows, self.sample_rate = list(rows), sample_rate
        if not self.rows:
            raise ValueError(f"{corpus.name} has no clips of the split and speakers asked for")
        cache.mkdir(parents=True, exist_ok=True)
        root, paths = Path(corpus.name), [row["path"] for row in self.rows]
        facts = [corpus.name, corpus.stamp, sample_rate, paths, _stamps(root, paths)]
        key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
        samples, index = cache / f"{key}.pcm", cache / f"{key}-ends.npy"
        self.path = samples
        if not index.exists():
            self._decode(corpus, samples, index)
        self.samples = np.memmap(samples, np.int16, mode="r")
        self.ends = np.load(index)

    def _decode(self, corpus: Corpus, samples: Path, index: Path) -> None:
        lengths = []
        with atomic.writing(samples) as stream:
            for row in tqdm(self.rows, desc="decode", disable=None):
                wave = corpus.load(row, self.sample_rate)
                lengths.append(len(wave))
                stream.write(np.clip(wave * 32767, -32768, 32767).astype(np.int16).tobytes())
        with atomic.writing(index) as stream:  # last: its presence means done
            np.save(stream, np.cumsum(lengths))

    def clip(self, number: int) -> np.ndarray:
        """Samples of a clip, (S,) float32 in [-1, 1]."""
        return self.samples[extent(self.ends, number)].astype(np.float32) / 32768

    def seconds(self, number: int) -> float:
        """Length of a clip."""
        place = extent(self.ends, number)
        return float(place.stop - place.start) / self.sample_rate

    def labelled(self) -> dict[tuple[str, str], list[int]]:
        """Clip numbers by (source, label), for labels that can be heard, two or more each."""
        groups: dict[tuple[str, str], list[int]] = collections.defaultdict(list)
        for number, row in enumerate(self.rows):
            if row["label"] and row["label_kind"] in (*ALIKE, *MANNER):
                groups[row["source"], row["label"]].append(number)
        return {key: numbers for key, numbers in groups.items() if len(numbers) > 1}


def _stamps(root: Path, paths: Sequence[str]) -> list[tuple[int, int]]:
    """Size and time of each file, or of the archive that it is a member of; zeros without one."""
    stamps: dict[Path, tuple[int, int]] = {}
    files = [root / path for path in paths]
    files = [file.parent if file.parent.suffix == ".tar" else file for file in files]
    for file in files:
        if file not in stamps:
            facts = file.stat() if file.is_file() else None
            stamps[file] = (facts.st_size, facts.st_mtime_ns) if facts else (0, 0)
    return [stamps[file] for file in files]


def extent(ends: np.ndarray, number: int) -> slice:
    """Where a clip lies among clips laid end to end; ``ends`` (N,) tells where each stops."""
    return slice(ends[number - 1] if number else 0, ends[number])
