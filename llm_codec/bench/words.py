"""``llm-codec bench --words``: what a codec's words are worth, beside the sound that they give."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from llm_codec import LLMCodec, atomic
from llm_codec.bench import bootstrap, command, labelled, run, words_table
from llm_codec.bench.codecs.words import Words
from llm_codec.bench.foretold import Foretold
from llm_codec.bench.journal import to_json
from llm_codec.bench.labelled import Rows, Source
from llm_codec.bench.nearness import Nearness
from llm_codec.bench.questions import Answers, Quiz
from llm_codec.bench.summary import DIGITS, RESAMPLES
from llm_codec.bench.usage import use
from llm_codec.bench.worker import Line, one_thread, quiet
from llm_codec.mfcc import FRAMES, mfcc
from llm_codec.nearest import STEPS, stretch
from llm_codec.parser import Parser, UsageError, at_least, seed
from llm_codec.parts import sounding
from llm_codec.training.stability import word_vectors, words_kept_by_clip

# What the numbers depend on; a record names these alone.
SETTINGS = ("words", "data", "codecs", "split", "sources", "few_shot", "episodes", "limit", "llm",
            "seed")
# Sources of this project's own data: what is asked about if no other is named.
USUAL = {"sources": "fsdd,booth-sounds", "few_shot": "fsdd,booth-sounds,emodb"}
CONDITIONS = {  # in which the figures hold, for whoever reads the record alone
    "words": "those that stand for sound, without the padding of a clip's last block",
    "features": f"vectors of scale-1 words, stretched to {STEPS} steps; MFCCs to {FRAMES} frames",
    "few_shot": "2-way 1-shot, nearest class mean by cosine; three different clips a question, "
                "examples by any speaker, that of the clip asked about or another",
    "interval_95": f"percentile bootstrap over clips, {RESAMPLES} resamples; of questions, over "
                   "the clips asked about",
}


def main(argv: Sequence[str]) -> int:
    """Measures, prints a table and writes a record.

    Args:
        argv: arguments behind ``llm-codec bench``, ``--words`` among them.

    Returns:
        0.

    Raises:
        UsageError: wrong arguments.
        ValueError, OSError, ImportError: it cannot be done; the message is one line.
    """
    args = _parser().parse_args(argv)
    command.check_folders(args)
    quiet()
    with one_thread(), torch.inference_mode():
        lines = measure(args)
    print(words_table.text(lines))
    if args.json:
        atomic.write_bytes(args.json, "".join(to_json(line) + "\n" for line in lines).encode())
    return 0


def measure(args: argparse.Namespace) -> list[Line]:
    """The record: header, data, the reference, and a line for each codec.

    Raises:
        UsageError: arguments that do not fit one another.
        ValueError, OSError: clips or a codec cannot be used.
    """
    specs = command.names(args.codecs, "--codecs")
    rows = Rows(args.data, args.split, args.limit, args.seed)
    near, asked = (_sources(args, rows, name) for name in USUAL)
    sources = {name: rows.source(name) for name in dict.fromkeys([*near, *asked])}
    codecs = {spec: LLMCodec.from_pretrained(spec) for spec in specs}
    rate, *others = {codec.config.sample_rate for codec in codecs.values()}
    if others:
        raise UsageError("--codecs have different sample rates; measure them one by one")
    waves = rows.load(rate)
    quiz = Quiz([sources[name] for name in asked], args.episodes, args.seed)
    by_mfcc = quiz.answer({source.name: [mfcc(wave, rate) for wave in source.of(waves)]
                           for source in quiz.sources})
    foretold = Foretold(args.llm) if args.llm else None
    bench = _Bench(waves, [sources[name] for name in near], quiz, by_mfcc, foretold, args.seed)
    settings = command.settings(args, SETTINGS)
    head = run.opening(command.line(settings), settings, rows.clips)
    return [
        {**head, "conditions": CONDITIONS},
        {"line": "data", **labelled.describe(waves, [*sources.values()], rate)},
        {"line": "reference", "features": "mfcc", "few_shot": quiz.score(by_mfcc)},
        *({"line": "words", "codec": spec, **Words(spec, codec).origin(), **bench.run(codec)}
          for spec, codec in codecs.items()),
    ]


def beside(data: Path, specs: Sequence[str], split: str | None, seed: int) -> list[Line]:
    """The same for a record of reconstruction: on all clips of the split, with the usual questions.

    Args:
        data: folder of a ``manifest.csv``, or the manifest itself.
        specs: codecs of this project.
        split: None takes all rows.
        seed: of questions, noise and resamples.
    """
    argv = ["--words", "--data", str(data), "--codecs", ",".join(specs), "--seed", str(seed)]
    args = _parser().parse_args(argv + (["--split", split] if split else []))
    with one_thread(), torch.inference_mode():
        head, clips, *lines = measure(args)
    return [{**clips, "line": "labelled", "conditions": head["conditions"]}, *lines]


def _sources(args: argparse.Namespace, rows: Rows, name: str) -> list[str]:
    """Sources given; else the usual ones, or where there is none of them, all that can be asked.

    They are put into ``args``, so that the record names them.
    """
    if getattr(args, name) is None:
        usual = not {*rows.names()}.isdisjoint(USUAL[name].split(","))
        setattr(args, name, USUAL[name] if usual else ",".join(rows.able()) or USUAL[name])
    return command.names(getattr(args, name), f"--{name.replace('_', '-')}")


class _Bench:
    """Clips and questions, the same for every codec."""

    def __init__(
        self, waves: Sequence[np.ndarray], near: Sequence[Source], quiz: Quiz, by_mfcc: Answers,
        foretold: Foretold | None, seed: int,
    ) -> None:
        self.waves, self.near, self.quiz = waves, near, quiz
        self.by_mfcc, self.foretold, self.seed = by_mfcc, foretold, seed

    def run(self, codec: LLMCodec) -> Line:
        """Every figure of one codec; each clip is encoded once as it is and once a change."""
        coded = codec.encode(self.waves)
        scales = [[sounding(codes, scale).numpy() for codes in coded]
                  for scale in range(codec.config.num_scales)]
        counts = [np.bincount(np.concatenate(words), minlength=size)
                  for words, size in zip(scales, codec.config.codebook_sizes, strict=True)]
        kept = words_kept_by_clip(codec, self.waves, scales[0], self.seed)
        features = [stretch(word_vectors(codec, words), STEPS) for words in scales[0]]
        foretold = self.foretold and self.foretold.score(codec.vocabulary, scales, self.seed)
        return {
            "use": [{"scale": number, **use(count, len(count))}
                    for number, count in enumerate(counts, start=1)],
            "stability": self._stability(kept, counts[0]),
            "same_class_nearer": {source.name: self._nearness(source, features)
                                  for source in self.near},
            "few_shot": self._few_shot(features),
            **({"foretold": foretold} if foretold else {}),
        }

    def _stability(self, kept: Mapping[str, np.ndarray], counts: np.ndarray) -> Line:
        """Share of words kept; chance is that of two words drawn from all being the same."""
        chance = round(float(np.square(counts / counts.sum()).sum()), DIGITS)
        lines = {}
        for name, found in kept.items():
            same, words = found.T
            drawn = bootstrap.over_clips(bootstrap.ratio(same, words), len(words), self.seed)
            lines[name] = {"share": round(float(same.sum() / words.sum()), DIGITS),
                           "n": int(words.sum()), "clips": len(words), "chance": chance,
                           "interval_95": bootstrap.interval(drawn)}
        return lines

    def _nearness(self, source: Source, features: Sequence[np.ndarray]) -> Line:
        vectors = [rows.ravel() for rows in source.of(features)]
        return Nearness(vectors, source.labels).score(self.seed)

    def _few_shot(self, features: Sequence[np.ndarray]) -> Line:
        right = self.quiz.answer({s.name: s.of(features) for s in self.quiz.sources})
        return self.quiz.score(right, self.by_mfcc)


def _parser() -> Parser:
    found = Parser(prog="llm-codec bench --words",
                   description="What the words of codecs of this project are worth: how many are "
                               "in use, whether they stay when a clip hardly changes, and whether "
                               "clips of one class have near ones.")
    add = found.add_argument
    add("--words", action="store_true", help="this measurement")
    add("--data", type=Path, required=True, metavar="DIR|MANIFEST", help="a manifest.csv's folder")
    add("--codecs", default="pocket", metavar="A,B,…", help="presets, folders or hub ids (pocket)")
    add("--split", help="split of the manifest (all)")
    add("--sources", metavar="A,B,…",
        help="sources of the manifest whose classes should be apart "
             f"({USUAL['sources']}; where there is none of these, all with classes)")
    add("--few-shot", metavar="A,B,…",
        help="sources to ask 2-way 1-shot questions about "
             f"({USUAL['few_shot']}; where there is none of these, all with classes)")
    add("--episodes", type=at_least(1), default=1000, metavar="N", help="questions a source (1000)")
    add("--llm", metavar="NAME", help="also how well this language model foretells the words")
    add("--limit", type=at_least(1), metavar="N", help="most clips of each label of a source (all)")
    add("--seed", type=seed, default=0, help="of questions, noise, clips and resamples (0)")
    add("--json", type=Path, metavar="FILE", help="the record")
    add("--debug", action="store_true", help="show the traceback of an error")
    return found
