"""The command ``llm-codec train``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm_codec.parser import Parser, at_least


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``llm-codec train``."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.seeds and not args.ablate:
        parser.error("--seeds is of the runs of --ablate; the seed of one is in its recipe")
    import torch
    from transformers.utils import logging

    from llm_codec.training.config import TrainConfig

    logging.disable_progress_bar()  # of loading the LLM
    if args.threads:
        torch.set_num_threads(args.threads)
    given: dict[str, Any] = {name: getattr(args, name) for name in ("llm", "data", "out", "steps")}
    overrides = {name: value for name, value in given.items() if value is not None}
    config = TrainConfig.load(args.config, **overrides)
    if args.ablate:
        from llm_codec.training.ablation import Ablation

        print(Ablation(config, args.ablate.split(","), args.seeds or 1).run(), end="")
        return 0
    from llm_codec.training.trainer import Trainer

    Trainer(config, config.read_words()).train()
    return 0


def _parser() -> Parser:
    parser = Parser(prog="llm-codec train", description="Train a codec around a frozen LLM.")
    parser.add_argument("config", type=Path, help="recipe, such as llm_codec/training/pocket.json")
    parser.add_argument("--llm", metavar="NAME", help="frozen LLM: preset, folder or hub name")
    parser.add_argument("--data", metavar="NAME", help="folder of audio, or name of a data set")
    parser.add_argument("--out", metavar="DIR", help="folder to write")
    parser.add_argument("--steps", type=at_least(1), metavar="N", help="train this many steps")
    parser.add_argument("--threads", type=at_least(1), metavar="N", help="processor threads to use")
    parser.add_argument("--ablate", metavar="LOSS,…", help="train with all losses, then without "
                        "each of these in turn (A+B: without both), and print a table")
    parser.add_argument("--seeds", type=at_least(1), metavar="K",
                        help="runs of each of them, with other seeds (default 1)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser
