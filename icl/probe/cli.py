"""``icl probe LLM``: the battery for any causal language model."""

from __future__ import annotations

import platform
import shlex
from importlib.metadata import version
from pathlib import Path

from icl.parser import Parser, UsageError, at_least, require_folder, seed

TEXT = Path("../shared/text")  # tried if no folder is named


def main(argv: list[str] | None = None) -> int:
    """Entry point of ``icl probe``."""
    args = _parser().parse_args(argv)
    require_folder("--json", args.json)
    from transformers.utils import logging

    from icl.llm import as_llm
    from icl.llm.transformers import TransformersLLM
    from icl.pretrain.games.categories import held_out, read_groups
    from icl.pretrain.text import text_files
    from icl.pretrain.train import WORDNET
    from icl.probe import battery
    from icl.probe.prose import perplexity
    from icl.probe.questions import able
    from icl.probe.record import Record
    from icl.probe.world import World
    from llm_codec import checkpoint
    from llm_codec.vocabulary import Vocabulary

    cells = _chosen(args.cells, battery.CELLS)
    text = _text(args.text)
    if args.text and not args.cells:
        text_files(text)  # an error now, rather than after the battery
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    llm = as_llm(args.llm)
    words = Vocabulary.load(checkpoint.resolve("pocket", "codec") / "vocabulary.json")
    names = list(words.scales[0])
    path = text / WORDNET if text else None
    groups = held_out(read_groups(path, {w: n for n, w in enumerate(names)}))[1] \
        if path and path.exists() else []
    world = World.of(llm, names, [[names[number] for number in group] for group in groups])
    if len(able(world.groups, *battery.CATEGORIES)) < battery.CATEGORIES[0]:
        if lost := [name for name in args.cells or () if name.startswith("category")]:
            raise UsageError(f"--cells {lost[0]!r} needs a --text folder with {WORDNET}, and two "
                             "of its categories in words of this model")
        cells = {name: cell for name, cell in cells.items() if not name.startswith("category")}
    versions = {"python": platform.python_version()}
    versions |= {name: version(name) for name in ("llm-codec", "torch", "transformers", "numpy")}
    command = shlex.join(["icl", "probe", *(argv or [])])
    record = Record(llm.fingerprint, command, args.seed, args.n, versions=versions)
    try:
        battery.run(llm, world, cells, record, orders=not args.cells)
        if text and not args.cells and isinstance(llm, TransformersLLM):
            record.prose.update(perplexity(llm, text, args.words))
    finally:  # also where the model fails on the way: the answers took long
        if args.json and record.cells:
            record.save(args.json)
        print(record.table())
    return 0


def _chosen(names: list[str] | None, cells: dict) -> dict:
    if unknown := sorted(set(names or []) - set(cells)):
        raise UsageError(f"there is no cell {unknown[0]!r}; there are {', '.join(cells)}")
    return {name: cell for name, cell in cells.items() if not names or name in names}


def _text(given: Path | None) -> Path | None:
    if given is not None and not given.is_dir():
        raise UsageError(f"--text {given} is not a folder")
    return given or (TEXT if TEXT.is_dir() else None)


def _parser() -> Parser:
    parser = Parser(prog="icl probe", description="What a language model learns from its prompt.")
    parser.add_argument("llm", metavar="LLM", help="preset, folder, hub id or server address")
    parser.add_argument("--n", type=at_least(1), default=500, help="answers a cell (500)")
    parser.add_argument("--seed", type=seed, default=0, help="draws the same questions (0)")
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="only these")
    parser.add_argument("--text", type=Path, metavar="DIR", help="prose, and a table of categories")
    parser.add_argument("--words", type=at_least(1), default=50_000, help="of prose (50 000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record")
    return parser
