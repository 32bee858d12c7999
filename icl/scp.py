"""Episode files of the published work (``.scp``), read as they are, oddities included.

One episode on a line: fields ``label/filename`` separated by commas, and a comma after the last.
The last field is the query, the others are its examples in the order of the prompt (arXiv
2406.10056, released script). Odd, and kept: a query may be one of its own examples, and labels
need not be asked about equally often, so that a constant answer can beat chance.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from icl.episode import Episode
from icl.tasks.base import Clip, DataError

SECONDS = 1.0  # the released script cuts every clip to this, or fills it up with zeros


def read_scp(path: str | Path, audio: str | Path) -> list[Episode]:
    """Episodes in file order.

    Args:
        path: the episode file.
        audio: folder of the clips; only the last part of a file's name in the list is used.

    Raises:
        DataError: a line has another form, asks for a label it does not show, or shows only one.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as an episode file ({error})") from error
    episodes = [
        _episode(line, Path(audio), f"{path} line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    if not episodes:
        raise DataError(f"{path} holds no episode")
    return episodes


def oddities(episodes: list[Episode]) -> dict[str, float]:
    """What a reader of the score should know.

    Returns:
        Number of queries that are their own example, share of episodes whose query has the label
        asked about most, and number of different sets of examples.
    """
    gold = Counter(episode.query.label for episode in episodes)
    return {
        "query_among_examples": sum(episode.query in episode.support for episode in episodes),
        "most_asked_label_share": gold.most_common(1)[0][1] / len(episodes),
        "distinct_supports": len({frozenset(episode.support) for episode in episodes}),
    }


def _episode(line: str, audio: Path, where: str) -> Episode:
    fields = [field.strip() for field in line.strip().removesuffix(",").split(",")]
    clips = [_clip(field, audio, where) for field in fields]
    *support, query = clips
    labels = sorted({clip.label for clip in support})
    if len(labels) < 2 or query.label not in labels:
        raise DataError(
            f"{where}: the query is labelled {query.label!r} and the examples {labels}; expected "
            "examples of two labels or more, the query's among them"
        )
    return Episode(tuple(support), query, tuple(labels))


def _clip(field: str, audio: Path, where: str) -> Clip:
    label, slash, name = field.partition("/")
    if not (label and slash and name):
        raise DataError(f"{where}: {field!r} is not LABEL/FILE")
    return Clip(audio / PurePosixPath(name).name, label, exactly=SECONDS)
