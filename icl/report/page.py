"""A report: tables as Markdown, plots as images, and both in one page of HTML."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path

from icl.evaluation import Record, RecordError, read_records
from icl.report.plots import figures
from icl.report.sections import sections
from llm_codec import atomic

DPI = 110
STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em}"
    "table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}"
    "th,td{border-bottom:1px solid #ccc;padding:.25em .6em;text-align:left;vertical-align:top}"
    "figure{display:inline-block;margin:.5em}"
)


def load(paths: Sequence[str | Path]) -> tuple[list[Record], list[str]]:
    """Finished runs of record files, and the names of those that are not finished.

    Raises:
        RecordError: a file is no record, or no run of any is finished.
        OSError: a file cannot be read.
    """
    records = [record for path in paths for record in read_records(path)]
    finished = [record for record in records if record.summary]
    if not finished:
        raise RecordError(f"no run of {', '.join(map(str, paths))} is finished; evaluate on")
    return finished, [record.name for record in records if not record.summary]


def draw(records: Sequence[Record]) -> dict[str, bytes]:
    """A PNG of every plot, by name.

    Raises:
        ImportError: matplotlib is not installed; the message says how to get it.
    """
    return {name: _png(figure) for name, figure in figures(records)}


def write(records: Sequence[Record], out: str | Path, images: dict[str, bytes]) -> list[Path]:
    """Write ``report.md``, ``report.html`` and the plots.

    Args:
        records: finished runs.
        out: folder; made if it is not there.
        images: what `draw` made of the records.

    Returns:
        The files, the page first.
    """
    tables = sections(records)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    plots = "\n".join(f"![{name}]({name}.png)" for name in images)
    markdown = "\n\n".join(["# Evaluation", *(table.markdown() for table in tables), plots])
    files = {
        "report.html": _page([table.html() for table in tables], images).encode(),
        "report.md": f"{markdown}\n".encode(),
        **{f"{name}.png": data for name, data in images.items()},
    }
    for name, data in files.items():
        atomic.write_bytes(folder / name, data)
    return [folder / name for name in files]


def _page(tables: Sequence[str], images: dict[str, bytes]) -> str:
    plots = "".join(
        f'<figure><img alt="{html.escape(name)}" src="data:image/png;base64,'
        f'{base64.b64encode(data).decode()}"></figure>'
        for name, data in images.items()
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Evaluation</title>"
        f"<style>{STYLE}</style><h1>Evaluation</h1>{''.join(tables)}<h2>Plots</h2>{plots}</html>\n"
    )


def _png(figure: object) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, dpi=DPI, format="png", metadata={"Software": None})
    return stream.getvalue()
