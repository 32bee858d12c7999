"""Tables of a record, in Markdown that reads well on a terminal too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llm_codec.bench.metrics import METRICS
from llm_codec.bench.summary import ALL
from llm_codec.bench.worker import Line

NONE = "–"


class Table(NamedTuple):
    """Titles of columns, and rows of as many cells."""

    titles: list[str]
    rows: list[list[str]]


def of_kind(lines: Sequence[Line], name: str) -> list[Line]:
    """Lines of a record of one sort."""
    return [line for line in lines if line["line"] == name]


def kinds(lines: Sequence[Line]) -> list[str]:
    """Kinds of audio in a record, in its order."""
    return list(dict.fromkeys(line["kind"] for line in of_kind(lines, "summary")))


def overview(lines: Sequence[Line]) -> Table:
    """One row a codec: rates, PESQ and STOI of speech, mel distance of each kind, intervals."""
    found = [kind for kind in kinds(lines) if kind != ALL]
    spoken = [kind for kind in ("speech", "unknown") if kind in found]
    wanted = [(kind, name) for kind in spoken for name in ("pesq_wb", "stoi")]
    wanted += [(kind, "mel") for kind in found]
    titles = ["codec", "bit/s", "tokens/s", *(f"{METRICS[n].title}, {kind}" for kind, n in wanted)]
    by_key = {(row["codec"], row["kind"]): row for row in of_kind(lines, "summary")}
    rows = []
    for codec in dict.fromkeys(codec for codec, _ in by_key):
        whole = by_key[codec, kinds(lines)[-1]]
        cells = [_cell(by_key[codec, kind]["metrics"].get(name), name) for kind, name in wanted]
        rows.append([codec, *_rates(whole), *cells])
    return Table(titles, rows)


def kind_table(lines: Sequence[Line], kind: str) -> Table:
    """One row a codec with everything measured on one kind of audio."""
    rows = [row for row in of_kind(lines, "summary") if row["kind"] == kind]
    names = [name for name in METRICS if any(name in row["metrics"] for row in rows)]
    titles = ["codec", "bit/s", "tokens/s", *(METRICS[name].title for name in names)]
    body = [[row["codec"], *_rates(row), *(_cell(row["metrics"].get(n), n) for n in names)]
            for row in rows]
    return Table(titles, body)


def source_table(lines: Sequence[Line], name: str) -> Table | None:
    """One row a source of the manifest: what a metric is for every codec; None without sources."""
    rows = [row for row in of_kind(lines, "source") if name in row["metrics"]]
    if not rows:
        return None
    specs = list(dict.fromkeys(row["codec"] for row in rows))
    by_source: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        title = [row["source"], row["kind"], str(row["metrics"][name]["n"])]
        cells = by_source.setdefault((row["source"], row["kind"]), title)
        cells.append(_cell(row["metrics"][name], name))
    return Table(["source", "kind", "clips", *specs], [*by_source.values()])


def difference_table(lines: Sequence[Line], kind: str) -> Table | None:
    """One row a codec: what it has more than the baseline, clip by clip; None without one."""
    rows = [row for row in of_kind(lines, "difference") if row["kind"] == kind]
    names = [name for name in METRICS if any(name in row["metrics"] for row in rows)]
    if not names:
        return None
    titles = [f"less {rows[0]['baseline']}", *(METRICS[name].title for name in names)]
    body = [[row["codec"], *(_cell(row["metrics"].get(n), n, sign="+") for n in names)]
            for row in rows]
    return Table(titles, body)


def cost_table(lines: Sequence[Line]) -> Table:
    """One row a codec: real-time factors and memory."""
    rows = [row for row in of_kind(lines, "cost") if "clip" not in row]
    titles = ["codec", "encode, s per s", "decode, s per s", "peak MiB, 10 s clip"]
    body = [[row["codec"], *(_number(row.get(f"rtf_{way}"), 4) for way in ("encode", "decode")),
             _number(row["peak_mib"], 0)] for row in rows]
    return Table(titles, body)


def codebook_table(lines: Sequence[Line]) -> Table | None:
    """One row a scale of a codec: how much of its codebook is used, and how evenly."""
    rows = of_kind(lines, "codebook")
    titles = ["codec", "scale", "codes", "used", "of", "entropy, bit", "of log2 V"]
    body = [[row["codec"], str(row["scale"]), str(row["n"]), str(row["used"]), str(row["size"]),
             _number(row["entropy_bits"], 2), _number(row["normalised_entropy"], 3)]
            for row in rows]
    return Table(titles, body) if rows else None


def failures(lines: Sequence[Line]) -> list[str]:
    """What is missing from the numbers: codecs, clips and values, one a line."""
    head = lines[0]
    notes = [f"skipped {row['codec']}: {row['reason']}" for row in head["skipped"]]
    notes += [f"cannot be read: {row['clip']} ({row['error']})"
              for row in of_kind(lines, "unreadable")]
    for row in of_kind(lines, "summary"):
        if row["kind"] == ALL:
            continue
        counts = [f"{METRICS[name].title} {metric['failed']}"
                  for name, metric in row["metrics"].items() if metric["failed"]]
        if counts:
            notes.append(f"no value, {row['codec']}, {row['kind']} ({row['clips']} clips): "
                         + ", ".join(counts))
    return notes


def sections(lines: Sequence[Line]) -> list[tuple[str, Table]]:
    """Every table of a record with a title."""
    parts: list[tuple[str, Table | None]] = [("Overview", overview(lines))]
    for kind in kinds(lines):
        clips = next(row["clips"] for row in of_kind(lines, "summary") if row["kind"] == kind)
        title = kind.capitalize()
        parts.append((f"{title}, {clips} clips", kind_table(lines, kind)))
        parts.append((f"{title}, paired differences", difference_table(lines, kind)))
    parts += [(f"{METRICS[name].title} by source", source_table(lines, name))
              for name in ("pesq_wb", "stoi", "mel")]
    parts += [("Codebooks", codebook_table(lines)), ("Costs", cost_table(lines))]
    return [(title, table) for title, table in parts if table]


def text(lines: Sequence[Line]) -> str:
    """Everything for a terminal."""
    if not of_kind(lines, "summary"):
        return "\n".join(["no clip could be read", *failures(lines)])
    shown = [f"{title}\n\n{markdown(table)}\n" for title, table in sections(lines)]
    return "\n".join([*shown, "mean [95 % bootstrap interval over clips]", *failures(lines)])


def markdown(table: Table) -> str:
    """A table with columns of even width."""
    titles, rows = table
    widths = [max(map(len, column)) for column in zip(titles, *rows)]
    body = [titles, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
        for line in body
    )


def _rates(row: Line) -> list[str]:
    tokens = row["tokens_per_second"]
    return [_number(row["bits_per_second"], 0), _number(tokens, 1) if tokens else NONE]


def _cell(metric: Line | None, name: str, sign: str = "") -> str:
    if metric is None or metric["mean"] is None:
        return NONE
    form = f"{sign}.{METRICS[name].digits}f"
    ends = metric["interval_95"]
    shown = f"{metric['mean']:{form}}"
    return f"{shown} [{ends[0]:{form}}, {ends[1]:{form}}]" if ends else shown


def _number(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:.{digits}f}"
