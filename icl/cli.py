"""The ``icl`` command: name sounds from examples, evaluate, train the pocket language model."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from icl.template import TEMPLATES

WORK_FAILED, WRONG_USE = 1, 2  # exit codes


class UsageError(Exception):
    """The command was called in a way it cannot work."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line instead of argparse's usage block."""
        print(f"icl: error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(WRONG_USE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["pretrain"]:  # its own parser takes the rest
        from icl.pretrain import train

        return train.main(argv[1:]) or 0
    args = _parser().parse_args(argv)
    args.command_line = shlex.join(["icl", *argv])
    try:
        return args.run(args)
    except UsageError as error:
        return _fail(args, error, WRONG_USE)
    except (ValueError, OSError, RuntimeError) as error:
        return _fail(args, error, WORK_FAILED)


def _fail(args: argparse.Namespace, error: Exception, code: int) -> int:
    if args.debug:
        traceback.print_exception(error)
    print(f"icl: error: {' '.join(str(error).split())}", file=sys.stderr)
    return code


def _parser() -> _Parser:
    parser = _Parser(prog="icl", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _add_classify(commands)
    _add_evaluate(commands)
    commands.add_parser("pretrain", help="train the pocket language model on text")
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
    parser.add_argument("--ways", type=_at_least(2), default=2, help="labels (default 2)")
    parser.add_argument("--shots", type=_at_least(1), default=1, help="of each (default 1)")
    parser.add_argument("--episodes", type=_at_least(1), default=500, help="default 500")
    parser.add_argument("--seed", type=int, default=0, help="draws the same episodes (default 0)")
    parser.add_argument("--split", default="dev", help="default dev")
    parser.add_argument("--speakers", choices=("any", "same", "other"), default="any")
    parser.add_argument("--data", type=Path, metavar="DIR", help="default $LLM_CODEC_DATA")
    parser.add_argument("--json", metavar="FILE", help="write the whole record; - is stdout")
    _add_learner(parser)
    parser.set_defaults(run=_evaluate)


def _add_learner(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scales", type=_at_least(1), default=1, help="codec scales (default 1)")
    parser.add_argument("--repeats", type=_at_least(1), default=1, help="times examples are shown")
    parser.add_argument("--template", choices=sorted(TEMPLATES), default="pocket")
    parser.add_argument("--codec", default="pocket", metavar="NAME", help="preset, folder, hub id")
    parser.add_argument("--llm", default="pocket", metavar="NAME", help="preset, folder, hub id")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")


def _at_least(lowest: int) -> Callable[[str], int]:
    """Argument type: a whole number, ``lowest`` or more."""

    def number(text: str) -> int:
        if not text.lstrip("-").isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, {lowest} or more")
        return int(text)

    return number


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
            code = _fail(args, error, WORK_FAILED)
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
