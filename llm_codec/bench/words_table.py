"""Tables of a record about words, in Markdown that reads well on a terminal too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llm_codec.bench.table import NONE, Table, markdown, of_kind
from llm_codec.bench.worker import Line

CHANGES = {"kept_gain": "-6 dB", "kept_shift": "10 ms later", "kept_noise": "noise, 20 dB SNR"}


def text(lines: Sequence[Line]) -> str:
    """Everything for a terminal."""
    shown = [f"{title}\n\n{markdown(table)}\n" for title, table in sections(lines)]
    return "\n".join([*shown, "value [95 % bootstrap interval over clips]"])


def sections(lines: Sequence[Line]) -> list[tuple[str, Table]]:
    """Every table about words with a title; none where words were not measured."""
    rows = of_kind(lines, "words")
    if not rows:
        return []
    (clips,) = (line["clips"] for line in lines if "sources" in line)
    return [
        (f"Words in use, {clips} clips", _use(rows)),
        ("Scale-1 words that stay, %", _stability(rows)),
        ("Clips of one class nearer than clips of two, AUC on scale-1 words", _nearness(rows)),
        ("2-way 1-shot by the nearest class mean, right, %", _few_shot(lines)),
        *([("Words as the language model foretells them, nats a word", _foretold(rows))]
          if "foretold" in rows[0] else []),
    ]


def _use(rows: Sequence[Line]) -> Table:
    titles = ["codec", "scale", "words", "used", "of", "%", "entropy over log2 V"]
    return Table(titles, [
        [row["codec"], *(str(scale[name]) for name in ("scale", "n", "used", "size")),
         f"{100 * scale['share_used']:.1f}", f"{scale['normalised_entropy']:.3f}"]
        for row in rows for scale in row["use"]
    ])


def _stability(rows: Sequence[Line]) -> Table:
    body = []
    for row in rows:
        found = [row["stability"][name] for name in CHANGES]
        body.append([row["codec"], *(_share(one["share"], one) for one in found),
                     str(found[0]["n"]), _percent(found[0]["chance"])])
    return Table(["codec", *CHANGES.values(), "words", "chance"], body)


def _nearness(rows: Sequence[Line]) -> Table:
    first = rows[0]["same_class_nearer"]
    titles = [f"{name}, {one['clips']} clips, {one['pairs']} pairs" for name, one in first.items()]
    body = [[row["codec"], *(_area(one) for one in row["same_class_nearer"].values()), "0.500"]
            for row in rows]
    return Table(["codec", *titles, "chance"], body)


def _few_shot(lines: Sequence[Line]) -> Table:
    reference, rows = of_kind(lines, "reference")[0], of_kind(lines, "words")
    sources = reference["few_shot"]["sources"]
    titles = [f"{name}, n {one['n']}, {one['clips']} clips" for name, one in sources.items()]
    body = []
    for name, few_shot in [("MFCC", reference["few_shot"]),
                           *((row["codec"], row["few_shot"]) for row in rows)]:
        found = [*few_shot["sources"].values(), few_shot["mean"]]
        less = few_shot["mean"].get("less_reference")
        body.append([name, *(_share(one["accuracy"], one) for one in found),
                     _share(less["mean"], less, "+") if less else NONE, "50.0"])
    return Table(["features", *titles, "mean", "mean less MFCC", "chance"], body)


def _foretold(rows: Sequence[Line]) -> Table:
    first = rows[0]["foretold"]
    titles = [f"scale {one['scale']}, {one['n']} words" for one in first]
    body = [[row["codec"], *(_with_ends(f"{one['nats']:.2f}", [f"{end:.2f}" for end in _ends(one)])
                             for one in row["foretold"])] for row in rows]
    return Table(["codec", *titles], body)


def _share(value: float, line: Line, sign: str = "") -> str:
    return _with_ends(_percent(value, sign), [_percent(end, sign) for end in _ends(line)])


def _area(line: Line) -> str:
    return _with_ends(f"{line['auc']:.3f}", [f"{end:.3f}" for end in _ends(line)])


def _ends(line: dict[str, Any]) -> list[float]:
    return line["interval_95"] or []


def _percent(value: float, sign: str = "") -> str:
    return f"{100 * value:{sign}.1f}"


def _with_ends(value: str, ends: Sequence[str]) -> str:
    return f"{value} [{', '.join(ends)}]" if ends else value
