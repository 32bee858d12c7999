"""``llm-codec bench``: measure codecs on any audio."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from llm_codec import atomic
from llm_codec.bench import clips as clips_module
from llm_codec.bench import command
from llm_codec.bench.codecs import SpecError
from llm_codec.bench.journal import Journal, JournalError, read_lines, to_json
from llm_codec.bench.metrics.neural import Wanted
from llm_codec.bench.worker import Line, quiet
from llm_codec.parser import Parser, UsageError, at_least, seed

CODECS = "identity,mulaw,pocket"
# What the numbers depend on; a record names these alone.
SETTINGS = ("data", "codecs", "split", "limit", "seed", "baseline", "with_words", "utmos", "dnsmos",
            "whisper", "speaker")


def main(argv: Sequence[str]) -> int:
    """Runs the benchmark that the arguments ask for.

    Args:
        argv: arguments behind ``llm-codec bench``.

    Returns:
        0 done, 1 some clips could not be read.

    Raises:
        UsageError: wrong arguments.
        ValueError, OSError, ImportError: it cannot be done; the message is one line.
    """
    if "--speed" in argv:
        from llm_codec.bench import speed

        return speed.main(argv)
    if "--gpu" in argv:
        from llm_codec.bench import gpu

        return gpu.main(argv)
    if "--words" in argv:
        from llm_codec.bench import words

        return words.main(argv)
    args = parser().parse_args(argv)
    command.check_folders(args)
    quiet()
    try:
        lines = measure(args)
    except SpecError as error:
        raise UsageError(str(error)) from error
    write(lines, args)
    return 1 if any(line["line"] == "unreadable" for line in lines) else 0


def parser() -> Parser:
    """The arguments of a reconstruction benchmark."""
    found = Parser(
        prog="llm-codec bench",
        description="Measure how well codecs reconstruct audio. --speed and --gpu measure speed "
                    "alone, --words what their words are worth; they have arguments of their own: "
                    "llm-codec bench --words --help.",
    )
    add = found.add_argument
    add("--data", type=Path, required=True, metavar="DIR|MANIFEST", help="folder, or manifest.csv")
    add("--codecs", default=CODECS, metavar="A,B,…",
        help="identity, mulaw, opus@KBIT, codec2@BIT, speex@KBIT, transformers:FOLDER_OR_ID[@N], "
             "dac:WEIGHTS[@N], snac:FOLDER_OR_ID, or a codec of this project by preset, folder or "
             f"hub id, @N for its N leading scales ({CODECS})")
    add("--split", help="split of the manifest (all)")
    add("--limit", type=at_least(1), metavar="N",
        help="most clips of each source of the manifest (all)")
    add("--seed", type=seed, default=0, help="of the draw of clips and of the bootstrap (0)")
    add("--baseline", metavar="CODEC", help="one of --codecs: differences to it, clip by clip")
    add("--with-words", action="store_true",
        help="also what the words of this project's codecs are worth, on all clips of the split")
    add("--jobs", type=at_least(1), default=1, metavar="N", help="processes (1)")
    add("--json", type=Path, metavar="FILE", help="the record; a run that was stopped goes on")
    add("--summary", type=Path, metavar="FILE", help="the record without the lines of single clips")
    add("--html", type=Path, metavar="FILE", help="a report in one page")
    add("--plot", type=Path, metavar="FILE.svg", help="quality over rate")
    add("--players", type=at_least(0), default=3, metavar="N",
        help="clips to listen to in the page (3)")
    add("--utmos", default="", metavar="FILE", help="TorchScript of UTMOS")
    add("--dnsmos", action="store_true", help="DNSMOS, by the package speechmos")
    add("--whisper", default="", metavar="NAME", help="word error rate by this recogniser")
    add("--speaker", default="", metavar="NAME", help="speaker similarity by this x-vector model")
    add("--force", action="store_true", help="start anew, over a record of another run")
    add("--debug", action="store_true", help="show the traceback of an error")
    return found


def measure(args: argparse.Namespace) -> list[Line]:
    """The record: read if it is there, else measured, from where a stopped run left off.

    Raises:
        UsageError: arguments that do not fit one another.
        JournalError: the file of another run is in the way.
    """
    from llm_codec.bench import run

    specs = command.names(args.codecs, "--codecs")
    clips = clips_module.find(args.data, args.split, args.limit, args.seed)
    settings = command.settings(args, SETTINGS)
    head = run.header(command.line(settings), settings, clips, specs)
    able = [row["codec"] for row in head["codecs"]]
    if args.baseline is not None and args.baseline not in able:
        raise UsageError(f"--baseline {args.baseline} is none of the codecs: {', '.join(able)}")
    if args.with_words and not _with_words(head):
        raise UsageError("--with-words needs a codec of this project, at all scales, in --codecs")
    wanted = Wanted(args.utmos, args.dnsmos, args.whisper, args.speaker)
    wanted.load()  # an error now, rather than in every process
    plan = run.Plan(clips, able, head, args.baseline, args.seed, wanted)
    if args.json and args.json.exists() and not args.force:
        return _finished(args.json, head)
    with _journal(args, head) as journal:
        lines = [*run.run(plan, journal, args.jobs), *_about_words(args, head)]
        if args.json:
            _write(args.json, lines)
    journal.path.unlink(missing_ok=True)
    return lines


def _about_words(args: argparse.Namespace, head: Line) -> list[Line]:
    if not args.with_words:
        return []
    from llm_codec.bench import words

    return words.beside(args.data, _with_words(head), args.split, args.seed)


def _with_words(head: Line) -> list[str]:
    """Codecs of this project that are measured with all their scales."""
    return [row["codec"] for row in head["codecs"]
            if "codec" in row.get("fingerprints", {}) and "@" not in row["codec"]]


def short(lines: Sequence[Line]) -> list[Line]:
    """A record without its lines of single clips, unless they could not be read."""
    return [row for row in lines if "clip" not in row or row["line"] == "unreadable"]


def write(lines: Sequence[Line], args: argparse.Namespace) -> None:
    """The table on stdout, and what else was asked for."""
    from llm_codec.bench import plots, report, samples, table, words_table

    print(table.text(lines))
    if table.of_kind(lines, "words"):
        print(f"\n{words_table.text(lines)}")
    if args.summary:
        _write(args.summary, short(lines))
    if args.plot and table.of_kind(lines, "summary"):
        atomic.write_bytes(args.plot, plots.svg(plots.rate_quality(lines), inline=False).encode())
    if args.html:
        clips = clips_module.find(args.data, args.split, args.limit, args.seed)
        able = [row["codec"] for row in lines[0]["codecs"]]
        shown = samples.draw(clips, able, args.players)
        atomic.write_bytes(args.html, report.page(lines, shown).encode())


def _write(path: Path, lines: Sequence[Line]) -> None:
    atomic.write_bytes(path, "".join(to_json(row) + "\n" for row in lines).encode())


def _finished(path: Path, head: Line) -> list[Line]:
    lines = [*read_lines(path)]
    if not lines or lines[0] != head:
        raise JournalError(f"{path} is the record of another run; give --force to replace it")
    return lines


@contextmanager
def _journal(args: argparse.Namespace, head: Line) -> Iterator[Journal]:
    """The journal beside the record, or in a folder that goes with the run."""
    target = args.json or args.summary
    with tempfile.TemporaryDirectory() as spare:
        path = target.with_name(f"{target.name}.part") if target else Path(spare) / "journal"
        if args.force:
            path.unlink(missing_ok=True)
        journal = Journal(path, head)
        try:
            yield journal
        finally:
            journal.close()
