"""Clips to measure on: a manifest's, or all audio files below a folder."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llm_codec import audio
from llm_codec.manifest import read_manifest

MANIFEST = "manifest.csv"
UNKNOWN = "unknown"

# What a manifest's ``group`` counts as.
KINDS = {
    "speech": "speech", "noisy_speech": "noisy speech",
    "vocal": "sound", "animal": "sound", "environment": "sound", "object": "sound",
    "noise": "sound", "sound": "sound",
    "music": "music", "instrument": "music", "synth": "music",
}


@dataclass(frozen=True)
class Clip:
    """One clip.

    Args:
        name: path below the folder; what a record calls it.
        path: where `llm_codec.manifest.load_clip` finds it.
        kind: speech, noisy speech, sound, music or unknown.
        transcript: what is said, if known.
        source: of a manifest's clip, the recordings it is one of.
    """

    name: str
    path: Path
    kind: str = UNKNOWN
    transcript: str = ""
    source: str = ""


def find(
    data: Path, split: str | None = None, limit: int | None = None, seed: int = 0
) -> list[Clip]:
    """Clips of a manifest in its order, or of a folder by name.

    Args:
        data: a folder, with a ``manifest.csv`` or without, or the manifest itself.
        split: rows of a manifest to take; None takes all.
        limit: most clips of each source of a manifest, or of a folder; which, the seed decides.
        seed: of that draw.

    Raises:
        FileNotFoundError: nothing is there, or no audio.
        ManifestError: the manifest cannot be read.
        ValueError: a split of a plain folder, or one without clips.
    """
    root = folder(data)
    if (root / MANIFEST).is_file():
        clips = listed(root, rows(root, split))
    elif split is not None:
        raise ValueError(f"{root} has no {MANIFEST}, so it has no split {split}")
    else:
        files = sorted(file for file in root.rglob("*") if file.suffix.lower() in audio.SUFFIXES)
        clips = [Clip(file.relative_to(root).as_posix(), file) for file in files]
    if not clips:
        raise FileNotFoundError(f"{root} holds no audio files ({', '.join(audio.SUFFIXES)})")
    if limit is None:
        return clips
    groups = [f"{clip.source} {clip.kind}" for clip in clips]
    return [clips[place] for place in draw(groups, limit, seed)]


def folder(data: Path) -> Path:
    """The folder of the clips, which is named itself or by its manifest.

    Raises:
        FileNotFoundError: nothing is there.
    """
    root = data.parent if data.name == MANIFEST else data
    if not root.is_dir() or data.is_file() and data.name != MANIFEST:
        raise FileNotFoundError(f"{data} is not there; expected a folder or its {MANIFEST}")
    return root


def rows(root: Path, split: str | None) -> list[dict[str, str]]:
    """Rows of a folder's manifest, of one split or of all.

    Raises:
        ManifestError: the manifest cannot be read.
        ValueError: no row is of the split.
    """
    found = read_manifest(root)
    taken = [row for row in found if split in (None, row["split"])]
    if not taken:
        known = ", ".join(sorted({row["split"] for row in found}))
        raise ValueError(f"{root} has no clips of split {split}; there are {known}")
    return taken


def listed(root: Path, rows: Sequence[dict[str, str]]) -> list[Clip]:
    """Clips of rows of the manifest of ``root``."""
    return [Clip(row["path"], root / row["path"], _kind(row), row.get("transcript") or "",
                 row["source"])
            for row in rows]


def draw(groups: Sequence[str], limit: int, seed: int) -> list[int]:
    """Places of at most ``limit`` items of each group, in order; which, the seed decides."""
    chosen: set[int] = set()
    for group in sorted(set(groups)):
        places = [place for place, other in enumerate(groups) if other == group]
        drawn = random.Random(f"{seed} {group}")  # so that a group's draw is its own
        chosen |= set(drawn.sample(places, min(limit, len(places))))
    return sorted(chosen)


def _kind(row: dict[str, str]) -> str:
    """What a row's column ``kind`` says, else what its ``group`` counts as."""
    return row.get("kind") or KINDS.get(row.get("group") or "", UNKNOWN)
