"""Report: a record as one page that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from llm_codec.bench import plots, table, words_table
from llm_codec.bench.samples import Sample, difference, picture, player, spectrogram
from llm_codec.bench.table import Table
from llm_codec.bench.worker import Line

STYLE = "report.css"
NOTE = ("<p class=note>Mean and 95 % bootstrap interval over clips. "
        "Rates are measured on what was sent.</p>")


def page(lines: Sequence[Line], samples: Sequence[Sample]) -> str:
    """The whole page.

    Args:
        lines: a record, whole or without the lines of single clips.
        samples: clips to listen to.
    """
    head = lines[0]
    css = files("llm_codec.bench").joinpath(STYLE).read_text("utf-8")
    measured = table.of_kind(lines, "summary")
    tables = [*table.sections(lines), *words_table.sections(lines)] if measured else []
    body = [_intro(head, lines)]
    if tables:
        (_, overview), *others = tables
        body += [
            _section("Overview", _table(overview) + NOTE),
            _section("Quality over rate", _figure(plots.svg(plots.rate_quality(lines), True))),
            _section("By kind of audio", _figure(plots.svg(plots.bars(lines), True))),
            _section("Listen and look", "".join(map(_sample, samples))) if samples else "",
            _section("All measures", "".join(_folded(*part) for part in others)),
        ]
    body.append(_section("Not in the numbers", _notes(lines)))
    body.append(_section("How it was made", _origin(head)))
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>Codec reconstruction</title><style>{css}</style></head>\n"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _intro(head: Line, lines: Sequence[Line]) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in head["clips"].items())
    data = escape(head["settings"]["data"])
    split = f" ({escape(head['settings']['split'])})" if head["settings"].get("split") else ""
    unreadable = len(table.of_kind(lines, "unreadable"))
    bad = f" · {unreadable} could not be read" if unreadable else ""
    return (f"<header><h1>Codec reconstruction</h1><p>{len(head['codecs'])} codecs on clips of "
            f"<code>{data}</code>{split}: {counts}{bad}</p></header>")


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>\n"


def _figure(drawing: str) -> str:
    return f"<figure>{drawing}</figure>"


def _folded(title: str, content: Table) -> str:
    return f"<details><summary>{escape(title)}</summary>{_table(content)}</details>"


def _table(content: Table) -> str:
    titles = "".join(f"<th scope=col>{escape(title)}</th>" for title in content.titles)
    rows = "".join(f"<tr>{_cells(row)}</tr>" for row in content.rows)
    return (f"<div class=scroll><table><thead><tr>{titles}</tr></thead>"
            f"<tbody>{rows}</tbody></table></div>")


def _cells(row: Sequence[str]) -> str:
    first, *others = row
    shown = [f"<th scope=row>{escape(first)}</th>"]
    for cell in others:
        value, bracket, rest = cell.partition(" [")
        span = f"<small>{escape(bracket.strip() + rest)}</small>" if bracket else ""
        shown.append(f"<td>{escape(value)}{span}</td>")
    return "".join(shown)


def _sample(sample: Sample) -> str:
    wanted = spectrogram(sample.reference)
    rows = [_row("original", sample.reference, [picture(wanted)])]
    for spec, wave in sample.decoded.items():
        found = spectrogram(wave)
        rows.append(_row(spec, wave, [picture(wanted), picture(found), difference(found, wanted)]))
    return (
        f"<article><h3>{escape(sample.clip.name)} <span>{escape(sample.clip.kind)}</span></h3>"
        f"<div class='sample heads'><span></span><span>original</span><span>decoded</span>"
        f"<span>difference, ±40 dB</span></div>{''.join(rows)}</article>"
    )


def _row(name: str, wave: object, pictures: Sequence[str]) -> str:
    images = "".join(f"<img alt='log-mel spectrogram' src='{address}'>" for address in pictures)
    return (f"<div class=sample><div><b>{escape(name)}</b>"
            f"<audio controls preload=metadata src='{player(wave)}'></audio></div>{images}</div>")


def _notes(lines: Sequence[Line]) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.failures(lines))
    return f"<ul>{notes}</ul>" if notes else "<p>Nothing: every clip has every value.</p>"


def _origin(head: Line) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in head["versions"].items())
    codecs = "".join(f"<li><b>{escape(row['codec'])}</b> {escape(_about(row))}</li>"
                     for row in head["codecs"])
    return (f"<pre>{escape(head['command'])}</pre><p>{escape(versions)}; clips "
            f"<code>{head['clips_sha256']}</code>.</p><ul>{codecs}</ul>")


def _about(row: Line) -> str:
    """What a codec is, in words."""
    parts = [f"{row['sample_rate']} Hz", f"rate counts {row['bits_counted']}"]
    parts += [f"{key} {row[key]}" for key in ("package", "version", "model") if key in row]
    parts += [f"{part} {print_}" for part, print_ in row.get("fingerprints", {}).items()]
    return "; ".join(parts)
