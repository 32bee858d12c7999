"""The command line: ``llm-codec encode | decode | info | convert | export | train | bench``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm_codec import audio, blocks, checkpoint, describe, jobs
from llm_codec.codes import SUFFIX, Codes, CodesError
from llm_codec.failure import FAILED, INTERRUPTED, MISUSED, report
from llm_codec.parser import Parser, UsageError, seed


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
        return report(error, "--debug" in argv, MISUSED)
    except (ValueError, OSError, ImportError, RuntimeError, MemoryError) as error:
        return report(error, "--debug" in argv, FAILED)
    except KeyboardInterrupt as error:
        return report(error, "--debug" in argv, INTERRUPTED)


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
    decode.add_argument("--seed", type=seed, default=0, help="of the decoder's noise (0)")
    decode.set_defaults(run=_decode)

    info = commands.add_parser("info", parents=[shared], help="what a file or a codec holds")
    info.add_argument("target", metavar="FILE|CHECKPOINT", help=".lcc, audio, preset or folder")
    info.add_argument("--codec", help="codec whose words an .lcc file is shown in (pocket, if its)")
    info.set_defaults(run=_info)

    convert = commands.add_parser("convert", parents=[shared], help="released weights -> a codec")
    convert.add_argument("released", type=Path, metavar="RELEASED.pth", help="the released file")
    convert.add_argument("--out", type=Path, required=True, help="folder of the codec")
    convert.add_argument("--words", type=Path, help="words of scale 1: layer1.npy, or one a line")
    convert.add_argument("--tokenizer", help="folder or hub id of the LLM's tokenizer, as a proof")
    convert.add_argument("--force", action="store_true", help="overwrite what is there")
    convert.set_defaults(run=_convert)

    export = commands.add_parser("export", parents=[shared], help="a codec -> ONNX graphs")
    export.add_argument("codec", metavar="CODEC", help="preset, folder or hub id")
    export.add_argument("--out", type=Path, required=True, help="folder of the graphs")
    export.add_argument("--force", action="store_true", help="overwrite what is there")
    export.set_defaults(run=_export)

    commands.add_parser("train", help="train a codec (llm-codec train --help)")
    commands.add_parser("bench", help="measure codecs (llm-codec bench --help)")
    return parser


def _encode(args: argparse.Namespace) -> int:
    found = jobs.find(args.input, args.out, audio.SUFFIXES, (SUFFIX,))
    codec = _load_codec(args)

    def work(source: Path, target: Path) -> dict[str, Any]:
        codes = codec.encode(source, scales=args.scales)
        codes.save(target)
        return describe.code_file(target, codes, codec.vocabulary)

    def done(_: Path, target: Path) -> bool:
        try:
            codes = Codes.load(target)
        except CodesError:
            return False
        wanted = args.scales or codec.config.num_scales
        return codes.codec == codec.fingerprint and len(codes.scales) == wanted

    return jobs.each(found, work, done, args)


def _decode(args: argparse.Namespace) -> int:
    if args.input.is_file() and not describe.is_codes(args.input):
        raise UsageError(f"{args.input}: decode takes {SUFFIX} files; did you mean encode?")
    found = jobs.find(args.input, args.out, (SUFFIX,), (".wav", ".flac"))
    codec = _load_codec(args)

    def work(source: Path, target: Path) -> dict[str, Any]:
        codes = Codes.load(source)
        if len(codes) != 1:
            raise ValueError(f"{source} holds {len(codes)} clips; decode batches from Python")
        codec.decode_file(codes, target, args.seed, args.scales)
        return describe.audio_file(target)

    def done(source: Path, target: Path) -> bool:
        codes = Codes.load(source)
        whole = blocks.shape(target) == (int(codes.num_samples.max()), codes.sample_rate)
        return whole and blocks.comment(target) == codec.origin(codes, args.seed, args.scales)

    return jobs.each(found, work, done, args)


def _info(args: argparse.Namespace) -> int:
    return _show(describe.anything(args.target, args.codec), args)


def _show(found: dict[str, Any], args: argparse.Namespace) -> int:
    """Prints a description, for people or for machines."""
    if args.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name:<27} {describe.readable(value)}" for name, value in found.items()))
    return 0


def _convert(args: argparse.Namespace) -> int:
    from llm_codec.convert import load_released

    if (args.out / checkpoint.CONFIG).exists() and not args.force:
        raise FileExistsError(f"{args.out} holds a codec; give --force to overwrite it")
    codec = load_released(args.released, words=args.words, tokenizer=args.tokenizer)
    codec.save_pretrained(args.out, dtype=None)  # half precision would change codes
    return _show(describe.codec(args.out), args)


def _export(args: argparse.Namespace) -> int:
    from llm_codec import export
    from llm_codec.codec import LLMCodec

    if (args.out / export.CARD).exists() and not args.force:
        raise FileExistsError(f"{args.out} holds an export; give --force to overwrite it")
    return _show(export.export(LLMCodec.from_pretrained(args.codec), args.out), args)


def _train(argv: Sequence[str]) -> int:
    from llm_codec.training import cli

    return cli.main(argv)


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


if __name__ == "__main__":
    sys.exit(main())
