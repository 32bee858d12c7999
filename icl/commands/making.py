"""What commands that make sound have in common: their arguments, and the file they write."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

from icl.commands import options
from icl.jobs.base import WORDS
from icl.parser import UsageError, at_least, require_folder


def add(
    commands: Any, name: str, example: str, asked: str, **about: str
) -> argparse.ArgumentParser:
    """Add a command.

    Args:
        commands: subparsers of ``icl``.
        name: of the command, and of what it makes unless told otherwise.
        example: the form of an example, ``SOURCE=TARGET``.
        asked: help of what is made from.
        about: ``help`` and ``epilog`` of the command.
    """
    parser = commands.add_parser(name, **about)
    parser.add_argument("query", metavar=example.split("=")[0], help=asked)
    parser.add_argument("-o", "--out", type=Path, required=True, help=".wav or .flac to write")
    parser.add_argument(
        "--example", action="append", required=True, metavar=example, help="repeat for every pair"
    )
    parser.add_argument("--force", action="store_true", help="overwrite what is there")
    parser.add_argument("--show-prompt", action="store_true", help="print the prompt as words")
    parser.add_argument("--json", action="store_true", help="say what was made as JSON")
    parser.add_argument("--scales", type=at_least(1), help="codec scales (default all)")
    parser.add_argument("--temperature", type=float, default=1.0, help="0 is greedy (default 1)")
    parser.add_argument("--top-k", type=at_least(0), default=0, help="best tokens (default all)")
    parser.add_argument("--top-p", type=float, default=1.0, help="share of them (default 1)")
    parser.add_argument("--best-of", type=at_least(1), default=1, help="drafts (default 1)")
    parser.add_argument("--words", choices=WORDS, help="shown: none but those of the examples' "
                        "targets (default: as the job has it)")
    parser.add_argument("--seconds", type=float, help="length (default as the examples tell)")
    options.add_models(parser)
    options.add_choice(parser)
    parser.set_defaults(job=name, run=partial(run, example))
    return parser


def run(example: str, args: argparse.Namespace) -> int:
    """Learn from the pairs, make the sound and write it."""
    from llm_codec import audio

    pairs = options.split_pairs(args.example, example)
    if args.out.suffix.lower() not in (".wav", ".flac"):
        raise UsageError(f"--out {args.out}: expected a name that ends in .wav or .flac")
    if args.out.exists() and not args.force:
        raise UsageError(f"--out {args.out} is there already; --force overwrites it")
    require_folder("--out", args.out)
    generator = _generator(args)
    generator.fit(*zip(*pairs, strict=True))
    rate = generator.codec_.config.sample_rate
    wave = generator.generate(args.query)
    audio.save(args.out, wave, rate)
    made: dict[str, Any] = {"out": str(args.out), "seconds": len(wave) / rate, "seed": args.seed}
    if args.show_prompt:
        made["prompt"] = generator.show_prompt(args.query).text
    if args.json:
        print(json.dumps(made))
    else:
        shown = [made["prompt"] + "\n"] if args.show_prompt else []
        print("\n".join([*shown, f"{args.out}: {made['seconds']:.2f} s"]))
    return 0


def _generator(args: argparse.Namespace) -> Any:
    from icl.generator import FewShotGenerator

    return options.learner(FewShotGenerator, args, task=args.job)
