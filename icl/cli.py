"""The ``icl`` command: hands each command to the module that does it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from importlib import import_module

from icl.parser import Parser, UsageError, report_failure
from icl.template import SettingError
from llm_codec.failure import FAILED, INTERRUPTED, MISUSED

# Modules of `icl.commands`.
COMMANDS = ("classify", "enhance", "speak", "evaluate", "report", "tasks")
ELSEWHERE = {  # commands with a parser of their own: the module whose `main` it is, and help
    "bench": ("icl.bench", "how fast questions are answered"),
    "pretrain": ("icl.pretrain.train", "train the pocket language model"),
    "probe": ("icl.probe.cli", "what a language model learns from its prompt"),
}


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
    except (UsageError, SettingError) as error:
        return report_failure(error, debug, MISUSED)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        return report_failure(error, debug, FAILED)
    except KeyboardInterrupt as error:
        return report_failure(error, debug, INTERRUPTED)


def _run(argv: list[str]) -> int:
    command = next((part for part in argv if part != "--debug"), None)
    if command in ELSEWHERE:
        module, _ = ELSEWHERE[command]
        return import_module(module).main(argv[argv.index(command) + 1 :])
    args = _parser().parse_args(argv)
    args.debug |= "--debug" in argv  # wherever it stands
    args.command_line = shlex.join(["icl", *argv])
    return args.run(args)


def _parser() -> Parser:
    parser = Parser(prog="icl", description="Few-shot learning of sounds with a frozen LLM.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        import_module(f"icl.commands.{name}").add(commands)
    for name, (_, help_) in ELSEWHERE.items():
        commands.add_parser(name, help=f"{help_} (icl {name} --help)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
