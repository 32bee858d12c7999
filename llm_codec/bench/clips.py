"""Clips to measure on: a manifest's, or all audio files below a folder."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from llm_codec import audio
from llm_codec.manifest import read_manifest

MANIFEST = "manifest.csv"
UNKNOWN = "unknown"

# What a manifest's ``group`` counts as.
KINDS = {
    "speech": "speech", "noisy_speech": "speech",
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
        kind: speech, sound, music or unknown.
        transcript: what is said, if known.
    """

    name: str
    path: Path
    kind: str = UNKNOWN
    transcript: str = ""


def find(
    data: Path, split: str | None = None, limit: int | None = None, seed: int = 0
) -> list[Clip]:
    """Clips of a manifest in its order, or of a folder by name.

    Args:
        data: a folder, with a ``manifest.csv`` or without, or the manifest itself.
        split: rows of a manifest to take; None takes all.
        limit: most clips of each kind; which, the seed decides.
        seed: of that draw.

    Raises:
        FileNotFoundError: nothing is there, or no audio.
        ManifestError: the manifest cannot be read.
        ValueError: a split of a plain folder, or one without clips.
    """
    root = data.parent if data.name == MANIFEST else data
    if not root.is_dir() or data.is_file() and data.name != MANIFEST:
        raise FileNotFoundError(f"{data} is not there; expected a folder or its {MANIFEST}")
    if (root / MANIFEST).is_file():
        clips = _listed(root, split)
    elif split is not None:
        raise ValueError(f"{root} has no {MANIFEST}, so it has no split {split}")
    else:
        files = sorted(file for file in root.rglob("*") if file.suffix.lower() in audio.SUFFIXES)
        clips = [Clip(file.relative_to(root).as_posix(), file) for file in files]
    if not clips:
        raise FileNotFoundError(f"{root} holds no audio files ({', '.join(audio.SUFFIXES)})")
    return clips if limit is None else _draw(clips, limit, seed)


def _listed(root: Path, split: str | None) -> list[Clip]:
    rows = read_manifest(root)
    taken = [row for row in rows if split in (None, row["split"])]
    if not taken:
        known = ", ".join(sorted({row["split"] for row in rows}))
        raise ValueError(f"{root} has no clips of split {split}; there are {known}")
    return [Clip(row["path"], root / row["path"], _kind(row), row.get("transcript") or "")
            for row in taken]


def _kind(row: dict[str, str]) -> str:
    """What a row's column ``kind`` says, else what its ``group`` counts as."""
    return row.get("kind") or KINDS.get(row.get("group") or "", UNKNOWN)


def _draw(clips: list[Clip], limit: int, seed: int) -> list[Clip]:
    """At most ``limit`` clips of each kind, in their order."""
    chosen: set[int] = set()
    for kind in sorted({clip.kind for clip in clips}):
        places = [place for place, clip in enumerate(clips) if clip.kind == kind]
        draw = random.Random(f"{seed} {kind}")  # so that a kind's draw is its own
        chosen |= set(draw.sample(places, min(limit, len(places))))
    return [clips[place] for place in sorted(chosen)]
