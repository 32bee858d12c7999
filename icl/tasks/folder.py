"""Any folder of clips with one sub-folder for each label."""

from __future__ import annotations

from pathlib import Path

from icl.tasks.base import ClassificationTask, Clip, DataError, clips_of
from llm_codec.audio import SUFFIXES


class Folder(ClassificationTask):
    """Clips of ``DIR/LABEL/FILE``, or of ``DIR/SPLIT/LABEL/FILE``.

    A file named ``SPEAKER_nohash_N``, as those of the Speech Commands are, names its speaker.
    """

    name = "folder"
    version = 1
    description = "any folder: DIR/LABEL/FILE is one split, dev; DIR/SPLIT/LABEL/FILE are several"
    licence = "that of the recordings"

    def load(self, root: Path, split: str = "dev") -> list[Clip]:
        """Clips of ``split`` under ``root``, sorted by path."""
        splits: dict[str, list[Clip]] = {}
        for place, pattern in (("dev", "*/*"), ("", "*/*/*")):
            for path in root.glob(pattern):
                if path.suffix.lower() in SUFFIXES:
                    found = splits.setdefault(place or path.parts[-3], [])
                    found.append(_clip(path))
        if not splits:
            raise DataError(f"{root} has no sub-folder with audio files; expected one for a label")
        return clips_of(splits, split, self.name, root)


def _clip(path: Path) -> Clip:
    speaker, mark, _ = path.stem.partition("_nohash_")
    return Clip(path, path.parent.name.replace("_", " "), speaker if mark else "")


TASK = Folder()
