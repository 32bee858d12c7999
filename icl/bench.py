"""``icl bench``: how much faster questions are for the examples' state being kept.

Sounds are made here, so that no data is needed. Times of one run say little of another machine;
their ratio does.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from icl.commands import options
from icl.learner import FewShotClassifier
from icl.llm.transformers import TransformersLLM
from icl.parser import Parser, at_least, require_folder
from llm_codec import atomic

NAMES = ("bell", "bird", "engine", "knock", "siren", "rain", "dog", "door", "clock", "horn")
SINGLE = 20  # questions asked one by one


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table, and write a record where one is asked for."""
    parser = Parser(prog="icl bench", description="Speed of few-shot questions.")
    parser.add_argument("--queries", type=at_least(SINGLE), default=100, help="default 100")
    parser.add_argument("--ways", type=int, choices=range(2, len(NAMES) + 1), default=5,
                        metavar="N", help=f"labels, 2 to {len(NAMES)} (default 5)")
    parser.add_argument("--shots", type=at_least(1), default=5, help="of each (default 5)")
    parser.add_argument("--length", type=float, default=0.6, help="seconds of a sound (0.6)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record")
    options.add_learner(parser)
    args = parser.parse_args(argv)
    require_folder("--json", args.json)
    if not 0 < args.length < 60:
        parser.error(f"--length {args.length}: give more than 0 and less than 60 seconds")
    record = measure(
        options.classifier(args), args.ways, args.shots, args.queries, args.length
    )
    if args.json:
        atomic.write_bytes(args.json, (json.dumps(record) + "\n").encode())
    print(_table(record))
    return 0


def measure(
    learner: FewShotClassifier, ways: int, shots: int, queries: int, seconds: float
) -> dict[str, Any]:
    """Times of the same questions, asked with and without what is kept.

    Args:
        learner: its language model must run in this process.
        ways, shots: examples are ``shots`` sounds of each of ``ways`` labels.
        queries: sounds to ask about.
        seconds: length of a sound.

    Returns:
        Seconds, their ratio, and whether the answers agree, as JSON values.

    Raises:
        ValueError: the model runs elsewhere.
    """
    rng = np.random.default_rng(0)
    labels = [NAMES[number % ways] for number in range(ways * shots)]
    clips = [_sound(number % ways, seconds, rng) for number in range(ways * shots)]
    asked = [_sound(number % ways, seconds, rng) for number in range(queries)]
    _, fit = _timed(lambda: learner.fit(clips, labels))
    if not isinstance(learner.llm_, TransformersLLM):
        raise ValueError("the benchmark needs a language model in this process")
    codes = learner.encode(asked)
    learner.predict(codes[:2])
    kept, kept_seconds = _timed(lambda: learner.predict(codes))
    again, again_seconds = _timed(lambda: _ask_anew(learner, codes))
    single = [_timed(lambda clip=clip: learner.predict([clip]))[1] for clip in asked[:SINGLE]]
    return {
        "ways": ways,
        "shots": shots,
        "queries": queries,
        "prompt_tokens": len(learner.show_prompt(codes[0])),
        "same_labels": kept.tolist() == again,
        "agreement": float(np.mean(kept == np.array(again))),
        "fit_seconds": fit,
        "kept_seconds": kept_seconds,
        "again_seconds": again_seconds,
        "ratio": again_seconds / kept_seconds,
        "one_query_seconds": statistics.median(single),
        "one_query_seconds_worst": max(single),
        "threads": torch.get_num_threads(),
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "codec": learner.codec_.fingerprint,
        "llm": learner.llm_.fingerprint,
    }


def _ask_anew(learner: FewShotClassifier, queries: Sequence[Any]) -> list[str]:
    """Labels by running the whole prompt for each label of each query, with nothing kept."""
    names = learner.classes_.tolist()
    answers = learner._answers  # as the prompt writes the labels
    found = []
    for query in queries:
        prompt = learner.show_prompt(query).ids
        scores = [_score_anew(learner.llm_.model, prompt, answer) for answer in answers]
        found.append(names[int(np.argmax(scores))])
    return found


@torch.inference_mode()
def _score_anew(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> float:
    ids = torch.tensor([[*prompt, *answer[:-1]]], device=model.device)
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=len(answer)).logits[0]
    tokens = torch.tensor(list(answer), device=model.device)
    return float(logits.float().log_softmax(-1).gather(1, tokens[:, None]).sum())


def _sound(kind: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A chord of its kind, in noise: float32 (S,) at 16 kHz."""
    time_ = np.arange(round(16000 * seconds)) / 16000
    pitch = 150 * 1.5**kind * rng.uniform(0.95, 1.05)
    chord = sum(np.sin(2 * np.pi * pitch * part * time_) / part for part in (1, 2, 3))
    noise = 0.1 * rng.normal(size=len(time_))
    return (0.1 * (chord * np.exp(-kind * time_) + noise)).astype(np.float32)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _table(record: dict[str, Any]) -> str:
    return "\n".join([
        f"{record['queries']} questions, {record['ways']}-way {record['shots']}-shot, "
        f"{record['prompt_tokens']} tokens each, {record['threads']} threads",
        f"examples' state kept     {record['kept_seconds']:9.3f} s",
        f"whole prompt every time  {record['again_seconds']:9.3f} s",
        f"ratio                    {record['ratio']:9.1f}",
        f"same labels              {record['agreement']:9.1%}",
        f"one question, with sound {record['one_query_seconds']:9.3f} s "
        f"(worst {record['one_query_seconds_worst']:.3f} s)",
    ])
