"""``llm-codec bench --speed``: what cached tables save, and what the pocket codec costs.

All figures are of one run. What is compared runs in turns, so that a busy moment falls on both;
seconds are medians over the rounds, after one round that is not counted.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

import llm_codec
from llm_codec import CodecConfig, LLMCodec, atomic
from llm_codec.bench import command, speed_process, speed_reference
from llm_codec.parser import Parser, at_least, seed

FORMAT = 1
REFERENCE = CodecConfig()  # encoder 32, decoder 1536, 3 248 / 32 000 / 32 000 words of 4 096
# Seconds of the clip: times fewer operations, and times faster, to encode.
REFERENCE_GOALS = {1: (100, 20), 10: (18, 8)}
DECODE_GOAL = 3
POCKET_SECONDS = 10
SHORT_SECONDS = 60  # of the file that memory is compared with
LOADS = 3
Works = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Row:
    """One figure, and what it should be.

    Args:
        what: is measured.
        value: of this codec.
        against: of what it is compared with; None where there is nothing.
        unit: of both.
        ratio: what the goal is about.
        goal: ``">= 20"`` or ``"<= 1"``.
        samples: each round's ``value`` and ``against``, where there are rounds.
    """

    what: str
    value: float
    against: float | None
    unit: str
    ratio: float
    goal: str
    samples: dict[str, list[float]] = dataclasses.field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        sign, bound = self.goal.split()
        return self.ratio >= float(bound) if sign == ">=" else self.ratio <= float(bound)


def main(argv: Sequence[str]) -> int:
    """Measures, prints a table and writes a record.

    Args:
        argv: arguments behind ``llm-codec bench``, ``--speed`` among them.

    Returns:
        0, goals reached or not.

    Raises:
        UsageError: wrong arguments.
        ValueError: the codec cannot be loaded, or codes that must be equal are not.
    """
    args = _parser().parse_args(argv)
    command.check_folders(args)
    torch.set_num_threads(args.threads)
    steps = tqdm(total=2 + len(REFERENCE_GOALS), disable=None, leave=False)
    rows, prints = [], {}
    steps.set_description("memory of files")
    rows += file_rows(args.codec, args.long, args.threads, args.seed)
    steps.update()
    steps.set_description(args.codec)
    codec = LLMCodec.from_pretrained(args.codec)
    prints[args.codec] = codec.metadata["fingerprints"]
    rows += codec_rows(codec, args.repeats, args.seed)
    steps.update()
    steps.set_description("released size")
    pair = speed_reference.Pair(REFERENCE, args.seed)
    prints["reference"] = {"weights": pair.cached.fingerprint}
    for seconds in REFERENCE_GOALS:
        rows += reference_rows(pair, seconds, args.repeats, args.seed)
        steps.update()
    steps.close()
    print(table(rows))
    if args.json:
        record = header(args, argv, prints)
        record["rows"] = [dataclasses.asdict(row) | {"met": row.met} for row in rows]
        atomic.write_bytes(args.json, json.dumps(record, indent=1).encode() + b"\n")
    return 0


def _parser() -> Parser:
    found = Parser(prog="llm-codec bench --speed", description=__doc__.splitlines()[0])
    add = found.add_argument
    add("--speed", action="store_true", help="this benchmark")
    add("--codec", default="pocket", help="small codec to measure: preset, folder or hub id")
    add("--repeats", type=at_least(1), default=5, metavar="N", help="rounds (5)")
    add("--threads", type=at_least(1), default=2, metavar="N", help="of PyTorch (2)")
    add("--long", type=at_least(1), default=3600, metavar="S", help="seconds of the long file")
    add("--seed", type=seed, default=0, help="of sounds and of the reference's weights (0)")
    add("--json", type=Path, metavar="FILE", help="the record")
    add("--debug", action="store_true", help="show the traceback of an error")
    return found


def reference_rows(
    pair: speed_reference.Pair, seconds: int, repeats: int, seed: int
) -> list[Row]:
    """Operations and seconds of both codecs for a clip, whose codes must be equal."""
    config, length = pair.cached.config, f"{seconds} s, released size"
    samples = config.padded_samples(seconds * config.sample_rate)
    clip = torch.from_numpy(_sound(samples, seed))[None, None]
    with torch.no_grad():
        encoders = pair.encoders(clip)
        codes = speed_reference.check_same({name: work() for name, work in encoders.items()})
        decoders = pair.decoders(codes)
        times = {"encode": in_turns(encoders, repeats), "decode": in_turns(decoders, repeats)}
    fewer, faster = REFERENCE_GOALS[seconds]
    return [
        _fewer(f"encode {length}: operations", encoders, fewer),
        _faster(f"encode {length}", times["encode"], faster),
        _fewer(f"decode {length}: operations", decoders, DECODE_GOAL),
        _faster(f"decode {length}", times["decode"], DECODE_GOAL),
    ]


def _fewer(what: str, works: Works, goal: float) -> Row:
    counts = {name: speed_reference.operations(work) / 1e9 for name, work in works.items()}
    ratio = counts["uncached"] / counts["cached"]
    return Row(what, counts["cached"], counts["uncached"], "GFLOP", ratio, f">= {goal}")


def codec_rows(codec: LLMCodec, repeats: int, seed: int) -> list[Row]:
    """Seconds of work for a second of sound, level and all."""
    clip = _sound(POCKET_SECONDS * codec.config.sample_rate, seed)
    codes = codec.encode(clip)
    times = in_turns({"encode": lambda: codec.encode(clip), "decode": lambda: codec.decode(codes)},
                     repeats)
    goals = {"encode": "<= 0.02", "decode": "<= 0.03"}
    rows = []
    for way, found in times.items():
        value = statistics.median(found)
        rows.append(Row(f"{way} {POCKET_SECONDS} s: share of real time", value, None, "s",
                        value / POCKET_SECONDS, goals[way], {"value": found}))
    return rows


def file_rows(codec: str, long: int, threads: int, seed: int) -> list[Row]:
    """Memory for a long file against a short one, and loading; each in a process of its own."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for seconds in [SHORT_SECONDS] * (LOADS - 1) + [long]:
            sound, out = Path(folder) / "in.wav", Path(folder) / "out.wav"
            speed_process.write_sound(sound, seconds, 16000, seed)
            probe = speed_process.probe(codec, sound, out, threads)
            found.setdefault(seconds, []).append(probe)
    peaks = {seconds: [one.peak_mib for one in probes] for seconds, probes in found.items()}
    value, against = (statistics.median(peaks[seconds]) for seconds in (long, SHORT_SECONDS))
    loads = [one.load_s for probes in found.values() for one in probes]
    load = statistics.median(loads)
    return [
        Row(f"peak memory, {long} s against {SHORT_SECONDS} s", value, against, "MiB",
            value / against, "<= 1.2", {"value": peaks[long], "against": peaks[SHORT_SECONDS]}),
        Row("load, in a fresh process", load, None, "s", load, "<= 1", {"value": loads}),
    ]


def in_turns(works: Works, repeats: int) -> dict[str, list[float]]:
    """Seconds of each work in each round."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for counted in [False] + [True] * repeats:
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if counted:
                times[name].append(time.perf_counter() - start)
    return times


def _faster(what: str, times: dict[str, list[float]], goal: float) -> Row:
    value, against = (statistics.median(times[name]) for name in ("cached", "uncached"))
    samples = {"value": times["cached"], "against": times["uncached"]}
    return Row(what, value, against, "s", against / value, f">= {goal}", samples)


def _sound(samples: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def table(rows: Sequence[Row]) -> str:
    """The rows for people."""
    lines = [f"{'':<44}{'here':>10}{'against':>10} {'unit':<6}{'ratio':>9}  goal"]
    for row in rows:
        against = "" if row.against is None else f"{row.against:.4g}"
        lines.append(f"{row.what:<44}{row.value:>10.4g}{against:>10} {row.unit:<6}"
                     f"{row.ratio:>9.4g}  {row.goal}{'' if row.met else ' (missed)'}")
    return "\n".join(lines)


def header(args: Any, argv: Sequence[str], prints: dict[str, Any]) -> dict[str, Any]:
    """What the figures depend on."""
    versions = {"llm-codec": llm_codec.__version__, "torch": torch.__version__,
                "numpy": np.__version__, "python": platform.python_version()}
    return {
        "format": FORMAT, "command": shlex.join(["llm-codec", "bench", *argv]),
        "settings": {"repeats": args.repeats, "threads": args.threads, "seed": args.seed,
                     "long_s": args.long},
        "machine": {"system": sys.platform, "processor": platform.machine(),
                    "threads": torch.get_num_threads()},
        "versions": versions, "fingerprints": prints, "reference": REFERENCE.to_dict(),
        "operations": "matrix products, convolutions and attention; multiply and add count two",
        "uncached": "projects the frozen table of each scale twice to encode and once to decode",
    }
