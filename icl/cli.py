"""The ``icl`` command: name sounds from examples, evaluate, train the pocket language model."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from icl.parser import Parser, UsageError, at_least
from icl.template import TEMPLATES

WORK_FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130  # exit codes


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; None takes them from the process.

    Returns:
        0 done, 1 the work failed, 2 wrong use, 130 interrupted. An error is one line on stderr;
        ``--debug`` adds the traceback.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in argv
    try:
        return _run(argv)
    except SystemExit as stopped:  # --help
        return int(stopped.code or 0)
    except UsageError as error:
        return _fail(error, debug, WRONG_USE)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        return _fail(error, debug, WORK_FAILED)
    except KeyboardInterrupt as error:
        return _fail(error, debug, INTERRUPTED)


def _run(argv: list[str]) -> int:
    if argv[:1] == ["pretrain"]:  # its own parser takes the rest
        from icl.pretrain import train

        return train.main(argv[1:])
    args = _parser().parse_args(argv)
    args.debug |= "--debug" in argv  # wherever it stands
    args.command_line = shlex.join(["icl", *argv])
    return args.run(args)


def _fail(error: BaseException, debug: bool, code: int) -> int:
    """Report an error on one line of stderr; returns the exit code."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        message = f"{error.filename}: {error.strerror}"
    else:
        message = " ".join(str(error).split()) or "interrupted"
    print(f"icl: error: {message}", file=sys.stderr)
    return code


def _parser() -> Parser:
    parser = Parser(prog="icl", description="Few-shot learning of sounds with a frozen LLM.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_classify(commands)
    _add_evaluate(commands)
    commands.add_parser("pretrain", help="train the pocket language model (icl pretrain --help)")
    return parser


def _add_classify(commands: Any) -> None:
    parser = commands.add_parser(
        "classify",
        help="name sounds, given labelled examples",
        epilog="example: icl classify query.wav --example a.wav=dog --example b.wav=rain",
    )
    parser.add_argument("queries", nargs="+", type=Path, metavar="QUERY", help="audio file")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--example", action="append", metavar="FILE=LABEL", help="repeat for every example"
    )
    source.add_argument("--support", type=Path, metavar="DIR", help="one sub-folder per label")
    parser.add_argument("--show-prompt", action="store_true", help="print the prompt as words")
    parser.add_argument("--json", action="store_true", help="one JSON object per query")
    _add_learner(parser)
    parser.set_defaults(run=_classify)


def _add_evaluate(commands: Any) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="accuracy on a data set, next to references",
        epilog="example: icl evaluate fsdd --ways 2 --shots 1 --data ~/free-spoken-digit-dataset",
    )
    parser.add_argument("task", metavar="TASK", help="fsdd")
    parser.add_argument("--ways", type=at_least(2), default=2, help="labels (default 2)")
    parser.add_argument("--shots", type=at_least(1), default=1, help="of each (default 1)")
    parser.add_argument("--episodes", type=at_least(1), default=500, help="default 500")
    parser.add_argument("--seed", type=int, default=0, help="draws the same episodes (default 0)")
    parser.add_argument("--split", default="dev", help="default dev")
    parser.add_argument("--speakers", choices=("any", "same", "other"), default="any")
    parser.add_argument("--data", type=Path, metavar="DIR", help="default $LLM_CODEC_DATA")
    parser.add_argument("--json", metavar="FILE", help="write the whole record; - is stdout")
    _add_learner(parser)
    parser.set_defaults(run=_evaluate)


def _add_learner(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scales", type=at_least(1), default=1, help="codec scales (default 1)")
    parser.add_argument("--repeats", type=at_least(1), default=1, help="times examples are shown")
    parser.add_argument("--template", choices=sorted(TEMPLATES), default="pocket")
    parser.add_argument("--codec", default="pocket", metavar="NAME", help="preset, folder, hub id")
    parser.add_argument("--llm", default="pocket", metavar="NAME", help="preset, folder, hub id")


def _learner(args: argparse.Namespace) -> Any:
    """The classifier the arguments ask for; the heavy imports happen here."""
    from transformers.utils import logging

    from icl.learner import FewShotClassifier

    logging.set_verbosity_error()  # stderr is for our own lines
    logging.disable_progress_bar()
    return FewShotClassifier(
        args.codec, args.llm, args.template, scales=args.scales, repeats=args.repeats
    )


def _classify(args: argparse.Namespace) -> int:
    examples = _from_folder(args.support) if args.support else _from_pairs(args.example)
    labels = [label for _, label in examples]
    if len(set(labels)) < 2:
        raise UsageError(f"all examples are labelled {labels[0]!r}; give two labels or more")
    learner = _learner(args).fit([path for path, _ in examples], labels)
    code = 0
    for query in _bar(args.queries, len(args.queries) > 1):
        try:
            _answer(args, learner, query)
        except (ValueError, OSError) as error:  # the other clips can still be named
            code = _fail(error, args.debug, WORK_FAILED)
    return code


def _answer(args: argparse.Namespace, learner: Any, query: Path) -> None:
    (codes,) = learner.encode([query])
    probabilities = learner.predict_proba([codes])[0].tolist()
    ranked = sorted(zip(learner.classes_.tolist(), probabilities, strict=True), key=lambda x: -x[1])
    prompt = learner.show_prompt(codes).text if args.show_prompt else None
    if args.json:
        answer = {"query": str(query), "label": ranked[0][0], "probabilities": dict(ranked)}
        print(json.dumps(answer if prompt is None else {**answer, "prompt": prompt}))
        return
    if prompt is not None:
        print(f"{prompt}\n")
    width = max(len(label) for label, _ in ranked)
    lines = [f"  {label:<{width}}  {probability:.3f}" for label, probability in ranked]
    print("\n".join([f"{query}: {ranked[0][0]}", *lines]))


def _from_pairs(pairs: Sequence[str]) -> list[tuple[Path, str]]:
    """Examples of ``FILE=LABEL`` arguments; a file name may hold ``=``, a label may not."""
    examples = []
    for pair in pairs:
        name, equals, label = pair.rpartition("=")
        if not (name and equals and label.strip()):
            raise UsageError(f"--example {pair!r} is not FILE=LABEL")
        examples.append((Path(name), label.strip()))
    return examples


def _from_folder(folder: Path) -> list[tuple[Path, str]]:
    """Examples of a folder with one sub-folder of audio files for each label."""
    from llm_codec.audio import SUFFIXES

    if not folder.is_dir():
        raise UsageError(f"--support {folder} is not a folder")
    files = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise UsageError(f"--support {folder} has no sub-folder with audio files")
    return [(path, path.parent.name) for path in files]


def _evaluate(args: argparse.Namespace) -> int:
    from icl import tasks

    if args.task not in tasks.TASKS:
        raise UsageError(f"no task is called {args.task!r}; there are {sorted(tasks.TASKS)}")
    if args.json and not Path(args.json).absolute().parent.is_dir():  # known before hours of work
        raise UsageError(f"--json {args.json}: its folder does not exist")
    learner = _learner(args)
    from icl.evaluate import evaluate

    record = evaluate(
        tasks.get(args.task),
        learner,
        ways=args.ways,
        shots=args.shots,
        episodes=args.episodes,
        seed=args.seed,
        split=args.split,
        root=args.data,
        speakers=args.speakers,
        progress=sys.stderr.isatty(),
        command=args.command_line,
    )
    if args.json and args.json != "-":
        record.save(args.json)
    print(record.to_json() if args.json == "-" else record.table())
    return 0


def _bar(items: Sequence[Path], wanted: bool) -> Any:
    """``items``, behind a progress bar where a person waits."""
    from tqdm import tqdm

    return tqdm(items, unit="clip", disable=not (wanted and sys.stderr.isatty()))


if __name__ == "__main__":
    sys.exit(main())
