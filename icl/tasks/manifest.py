"""Tasks that are sources of a ``manifest.csv``, and differ only in which rows name what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from icl.tasks.base import ClassificationTask, Clip, DataError, clips_of
from llm_codec.manifest import read_manifest

Row = dict[str, str]
LANGUAGES = {"ar": "arabic", "de": "german", "en": "english", "es": "spanish", "fr": "french"}
SEXES = {"M": "male", "F": "female"}


def by_split(
    root: Path, keep: Callable[[Row], bool], label: Callable[[Row], str]
) -> dict[str, list[Clip]]:
    """Labelled clips of a manifest by split; rows without a label are left out.

    Args:
        root: folder of the manifest.
        keep: whether a row belongs.
        label: of a row; raises ValueError, KeyError where it is not in the expected form.

    Raises:
        DataError: a row's label or duration is in no form that can be read.
        ManifestError: the manifest cannot be read.
    """
    splits: dict[str, list[Clip]] = {}
    for row in filter(keep, read_manifest(root)):
        try:
            name, seconds = label(row), float(row["seconds"])
        except (ValueError, KeyError) as error:
            raise DataError(
                f"{root}/manifest.csv: {row['path']} has label {row['label']!r} and seconds "
                f"{row['seconds']!r}; expected a label of this task and a number ({error})"
            ) from error
        if name:
            clip = Clip(root / row["path"], name, row["speaker"], seconds)
            splits.setdefault(row["split"], []).append(clip)
    return splits


def words(row: Row) -> str:
    """The label as words: ``glass_smash`` is ``glass smash``."""
    return " ".join(re.split(r"[\s_-]+", row["label"])).strip()


def _speaker(row: Row) -> str:
    return row["speaker"]


def _language(row: Row) -> str:
    return LANGUAGES[row["lang"]]


def _sex(row: Row) -> str:
    found = re.search(r"sex=([MF])", row["note"])
    return SEXES[found[1]] if found else ""


@dataclass(frozen=True)
class ManifestTask(ClassificationTask):
    """Rows of some sources of a manifest.

    Args:
        name, description, licence, version: see `Task`.
        sources: values of the column ``source``.
        label: what a row is an example of.
        only: values of ``group`` or ``label_kind`` that rows must have; empty takes all.
    """

    name: str
    description: str
    licence: str
    sources: tuple[str, ...]
    label: Callable[[Row], str] = words
    only: tuple[str, ...] = ()
    version: int = 1

    def load(self, root: Path, split: str = "dev") -> list[Clip]:
        """Clips of ``split`` under ``root``, sorted by path."""
        splits = by_split(root, self._keeps, self.label)
        if not splits:
            raise DataError(
                f"{root}/manifest.csv has no rows for {self.name}; it takes those of source "
                f"{' or '.join(self.sources)}"
            )
        return clips_of(splits, split, self.name, root)

    def _keeps(self, row: Row) -> bool:
        if row["source"] not in self.sources or row["label_kind"] == "noise":
            return False
        return not self.only or row["label_kind"] in self.only or row["group"] in self.only


def _tasks(rows: Iterable[tuple]) -> dict[str, ManifestTask]:
    return {row[0]: ManifestTask(*row) for row in rows}


TASKS = _tasks((
    ("booth-sounds", "everyday sounds such as a stapler; classes of dev are not in train", "MIT",
     ("booth-sounds",)),
    ("google-speech-commands", "English command words; dev speakers are not in train, nor are "
     "the words no, sheila and three", "CC BY 4.0", ("google-speech-commands",)),
    ("arabic-speech-commands", "Arabic command words, labelled in English; dev speakers are not "
     "in train, nor are six words", "CC BY 4.0", ("arabic-speech-commands",)),
    ("emodb", "emotion of acted German speech; dev speakers are not in train", "CC0 1.0",
     ("emodb",)),
    ("speaker-sex", "male or female voice, read English; dev speakers are not in train",
     "CC BY 4.0", ("librispeech",), _sex),
    ("speakers", "who is reading English, labelled by number; dev speakers are not in train",
     "CC BY 4.0", ("librispeech",), _speaker),
    ("language", "Arabic, English or German; each comes from a set of its own, so that recording "
     "conditions tell languages apart too", "CC BY 4.0, CC0 1.0",
     ("arabic-speech-commands", "google-speech-commands", "emodb"), _language, ("speech",)),
    ("instrument", "instruments played once, labels loose; classes of dev are not in train",
     "CC BY 3.0", ("olpc-berklee",), words, ("instrument",)),
    ("olpc-berklee", "instruments, objects and synthesisers, labels loose; classes of dev are "
     "not in train", "CC BY 3.0", ("olpc-berklee",)),
    ("music-style", "orchestral, game music, ...; each from a few albums of its own, which "
     "recording conditions tell apart too", "CC BY 3.0, CC BY-SA, public domain",
     ("librosa-data", "unknown-horizons", "lincity-ng", "openrct2-openmusic"), words,
     ("music_style",)),
    ("donateacry", "reason of a baby's cry, as guessed by parents; dev holds one clip of its "
     "second label, so episodes can be drawn from train only", "ODbL 1.0", ("donateacry",)),
    ("coffee-orders", "the drink that is ordered in a sentence; speakers are not named",
     "Apache 2.0", ("picovoice-intents",)),
    ("wake-words", "wake words and phrases; phrases of dev are not in train, speakers not named",
     "Apache 2.0, public domain", ("picovoice-wake-words", "precise-community")),
))  # fmt: skip
