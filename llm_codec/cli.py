"""The command line: ``llm-codec encode | decode | info | convert | train | bench``."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from llm_codec import audio, checkpoint, describe
from llm_codec.codes import SUFFIX, Codes
from llm_codec.parser import Parser, UsageError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: arguments without the program's name; None takes them from the process.

    Returns:
        0 done, 1 the work failed, 2 wrong use, 130 interrupted. Every error is one line on
        stderr; ``--debug`` adds the traceback.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        if argv[:1] == ["train"]:  # it has arguments of its own
            return _train(argv[1:])
        if argv[:1] == ["bench"]:
            return _bench(argv[1:])
        args = _parser().parse_args(argv)
        return args.run(args)
    except SystemExit as stop:  # --help
        return int(stop.code or 0)
    except UsageError as error:
        return _fail(error, "--debug" in argv, MISUSED)
    except (ValueError, OSError, ImportError) as error:
        return _fail(error, "--debug" in argv, FAILED)
    except KeyboardInterrupt as error:
        return _fail(error, "--debug" in argv, INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="llm-codec", description="Audio as words of a frozen language model.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--debug", action="store_true", help="show the traceback of an error")
    shared.add_argument("--json", action="store_true", help="one JSON object per file on stdout")

    work = argparse.ArgumentParser(add_help=False)
    work.add_argument("input", type=Path, metavar="IN", help="a file, or a folder and all below it")
    work.add_argument("-o", "--out", type=Path, help="output file or folder (default: beside IN)")
    work.add_argument("--force", action="store_true", help="overwrite what is there")
    work.add_argument("--codec", default="pocket", help="preset, folder or hub id (pocket)")

    work.add_argument("--scales", type=int, metavar="N", help="leading scales, 1 to all (all)")

    encode = commands.add_parser("encode", parents=[work, shared], help="audio -> .lcc")
    encode.set_defaults(run=_encode)

    decode = commands.add_parser("decode", parents=[work, shared], help=".lcc -> wav")
    decode.add_argument("--seed", type=int, default=0, help="of the decoder's noise (0)")
    decode.set_defaults(run=_decode)

    info = commands.add_parser("info", parents=[shared], help="what a file or a codec holds")
    info.add_argument("target", metavar="FILE|CHECKPOINT", help=".lcc, audio, preset or folder")
    info.set_defaults(run=_info)

    convert = commands.add_parser("convert", parents=[shared], help="released weights -> a codec")
    convert.add_argument("released", type=Path, metavar="RELEASED.pth", help="the released file")
    convert.add_argument("--out", type=Path, required=True, help="folder of the codec")
    convert.add_argument("--words", type=Path, help="words of scale 1: layer1.npy, or one a line")
    convert.add_argument("--tokenizer", help="folder or hub id of the LLM's tokenizer, as a proof")
    convert.add_argument("--force", action="store_true", help="overwrite what is there")
    convert.set_defaults(run=_convert)

    commands.add_parser("train", help="train a codec (llm-codec train --help)")
    commands.add_parser("bench", help="measure codecs (llm-codec bench --help)")
    return parser


def _encode(args: argparse.Namespace) -> int:
    pairs = _pairs(args, audio.SUFFIXES, (SUFFIX,))
    codec = _load_codec(args)

    def work(source: Path, target: Path) -> dict[str, Any]:
        codes = codec.encode(source, scales=args.scales)
        codes.save(target)
        return describe.code_file(target, codes)

    return _each(pairs, work, args)


def _decode(args: argparse.Namespace) -> int:
    pairs = _pairs(args, (SUFFIX,), (".wav", ".flac"))
    codec = _load_codec(args)

    def work(source: Path, target: Path) -> dict[str, Any]:
        codes = Codes.load(source)
        if len(codes) != 1:
            raise ValueError(f"{source} holds {len(codes)} clips; decode batches from Python")
        codec.decode_file(codes, target, args.seed, args.scales)
        return describe.audio_file(target)

    return _each(pairs, work, args)


def _info(args: argparse.Namespace) -> int:
    found = describe.anything(args.target)
    if args.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name:<18} {describe.readable(value)}" for name, value in found.items()))
    return 0


def _convert(args: argparse.Namespace) -> int:
    from llm_codec.convert import load_released

    if (args.out / checkpoint.CONFIG).exists() and not args.force:
        raise FileExistsError(f"{args.out} holds a codec; give --force to overwrite it")
    codec = load_released(args.released, words=args.words, tokenizer=args.tokenizer)
    codec.save_pretrained(args.out, dtype=None)  # half precision would change codes
    args.target = str(args.out)
    return _info(args)


def _train(argv: Sequence[str]) -> int:
    from llm_codec.training import trainer

    return trainer.main(argv) or 0


def _bench(argv: Sequence[str]) -> int:
    from llm_codec.bench import cli

    return cli.main(argv)


def _load_codec(args: argparse.Namespace) -> Any:
    from llm_codec.codec import LLMCodec  # after the arguments were found good: it takes a while

    codec = LLMCodec.from_pretrained(args.codec)
    try:
        codec.check_scales(args.scales)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return codec


def _pairs(
    args: argparse.Namespace, reads: Sequence[str], writes: Sequence[str]
) -> list[tuple[Path, Path]]:
    """Every input file and where its output goes.

    Args:
        args: with ``input`` and ``out``.
        reads: suffixes that are taken from a folder; a file is taken whatever its name.
        writes: suffixes an output may have, the usual one first.
    """
    source, out = args.input, args.out
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist; check the path")
    if source.is_dir():
        return _tree(source, out, reads, writes[0])
    usual = source.with_suffix(writes[0])
    target = usual if out is None else out / usual.name if out.is_dir() else out
    if target.suffix.lower() not in writes:
        raise UsageError(f"output {target} must end in {' or '.join(writes)}")
    return [(source, target)]


def _tree(
    source: Path, out: Path | None, reads: Sequence[str], suffix: str
) -> list[tuple[Path, Path]]:
    """Every file below a folder and where its output goes: the same tree, here or under ``out``."""
    root = source if out is None else out
    if root.exists() and not root.is_dir():
        raise UsageError(f"{source} is a folder, so the output must be one; {out} is a file")
    files = sorted(file for file in source.rglob("*") if file.suffix.lower() in reads)
    if not files:
        raise FileNotFoundError(f"{source} holds no files that end in {', '.join(reads)}")
    return [(file, (root / file.relative_to(source)).with_suffix(suffix)) for file in files]


def _each(
    pairs: list[tuple[Path, Path]],
    work: Callable[[Path, Path], dict[str, Any]],
    args: argparse.Namespace,
) -> int:
    """Works on every file; a bad one is reported on one line and the rest go on."""
    failed = False
    written: set[Path] = set()
    for source, target in _progress(pairs):
        try:
            _claim(target, written, args.force)
            result = work(source, target)
        except (ValueError, OSError) as error:
            failed = bool(_fail(error, args.debug, FAILED))
            continue
        if args.json:
            result = {"input": str(source), "output": str(target), **result}
        tqdm.write(json.dumps(result) if args.json else f"{source} -> {target}", file=sys.stdout)
    return FAILED if failed else 0


def _claim(target: Path, written: set[Path], force: bool) -> None:
    """Makes the folder of ``target``, unless something there or of this run would be lost."""
    if target in written:
        raise FileExistsError(f"{target} was just written for another input of the same name")
    if target.exists() and not force:
        raise FileExistsError(f"{target} exists; give --force to overwrite it")
    target.parent.mkdir(parents=True, exist_ok=True)
    written.add(target)


def _progress(pairs: list[tuple[Path, Path]]) -> Iterator[tuple[Path, Path]]:
    """A bar on stderr, if someone is watching and there is something to wait for."""
    quiet = len(pairs) < 2 or not sys.stderr.isatty()
    return iter(tqdm(pairs, unit="file", disable=quiet))


def _fail(error: BaseException, debug: bool, code: int) -> int:
    """Reports an error on one line of stderr; returns the exit code."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        message = "interrupted"
    elif isinstance(error, OSError) and error.strerror:
        message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        message = " ".join(str(error).split())
    tqdm.write(f"llm-codec: error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
