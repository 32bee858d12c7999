"""Labelled clips of a manifest, by the source that they come from."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from llm_codec.bench import clips as clips_module
from llm_codec.bench.clips import Clip
from llm_codec.manifest import load_clip

Item = TypeVar("Item")


@dataclass(frozen=True)
class Source:
    """Labelled clips of one source.

    Args:
        name: of the source.
        clips: their numbers among all clips, (N,).
        labels: what is heard in each.
        speakers: who speaks in each; empty if unknown.
    """

    name: str
    clips: list[int]
    labels: list[str]
    speakers: list[str]

    def of(self, items: Sequence[Item]) -> list[Item]:
        """Those of one item a clip, of all clips, that are of this source."""
        return [items[clip] for clip in self.clips]

    def describe(self) -> dict[str, int]:
        """Numbers of clips, labels and speakers that are named."""
        return {"clips": len(self.clips), "labels": len(set(self.labels)),
                "speakers": len({*self.speakers} - {""})}


class Rows:
    """Rows of one split of a manifest.

    Args:
        data: folder of a ``manifest.csv``, or the manifest itself.
        split: None takes all rows.
        limit: most clips of each label of each source; None takes all.
        seed: of the choice of these.

    Raises:
        FileNotFoundError, ManifestError: there is none, or it cannot be read.
        ValueError: the split has no rows.
    """

    def __init__(self, data: Path, split: str | None, limit: int | None, seed: int) -> None:
        self.root = clips_module.folder(data)
        self.where = f"{self.root}, split {split}" if split else f"{self.root}"
        self.rows = clips_module.rows(self.root, split)
        if limit is not None:
            kinds = [f"{row['source']} {row['label']}" for row in self.rows]
            self.rows = [self.rows[place] for place in clips_module.draw(kinds, limit, seed)]

    @cached_property
    def clips(self) -> list[Clip]:
        """A clip for each row."""
        return clips_module.listed(self.root, self.rows)

    def source(self, name: str) -> Source:
        """Labelled clips of a source; noises, which are labelled by their level, are left out.

        Raises:
            ValueError: it has no clips, no labels, or fewer than two labels of two clips.
        """
        known = self.names()
        if name not in known:
            raise ValueError(f"{self.where} has no clips of source {name}; it has those of "
                             f"{', '.join(known)}: name some of these by --sources and --few-shot")
        numbers = self._labelled(name)
        counts = Counter(self.rows[number]["label"] for number in numbers)
        if (able := _several(counts)) < 2:
            raise ValueError(f"{self.where}, source {name}: {len(counts)} labels, {able} of them "
                             "with two clips or more; expected two such labels at least")
        columns = ([self.rows[number][column] for number in numbers]
                   for column in ("label", "speaker"))
        return Source(name, numbers, *columns)

    def able(self) -> list[str]:
        """Names of the sources that `source` gives, sorted."""
        return [name for name in self.names()
                if _several(Counter(self.rows[n]["label"] for n in self._labelled(name))) > 1]

    def names(self) -> list[str]:
        """Names of all sources, sorted."""
        return sorted({row["source"] for row in self.rows})

    def _labelled(self, name: str) -> list[int]:
        return [number for number, row in enumerate(self.rows)
                if row["source"] == name and row["label"] and row["label_kind"] != "noise"]

    def load(self, sample_rate: int) -> list[np.ndarray]:
        """Samples of every clip: float32 (S,), mono in [-1, 1].

        Raises:
            AudioError, ManifestError: a clip cannot be read.
        """
        return [load_clip(clip.path, sample_rate)
                for clip in tqdm(self.clips, "read", unit="clip", disable=None)]


def _several(counts: Counter[str]) -> int:
    """Labels of two clips or more."""
    return sum(count > 1 for count in counts.values())


def describe(waves: Sequence[np.ndarray], sources: Sequence[Source], rate: int) -> dict[str, Any]:
    """What was measured on, as JSON values: clips, seconds, a sum of all samples, sources."""
    digest = hashlib.sha256()
    for wave in waves:
        digest.update(wave.tobytes())
    return {
        "clips": len(waves), "seconds": round(sum(map(len, waves)) / rate, 3),
        "sha256": digest.hexdigest()[:16],
        "sources": {source.name: source.describe() for source in sources},
    }
