"""``llm-codec bench --gpu``: how fast batches run on an accelerator, and what bfloat16 changes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import llm_codec
from llm_codec import LLMCodec, atomic
from llm_codec.bench import clips as clips_module
from llm_codec.bench import command
from llm_codec.manifest import load_clip
from llm_codec.parser import Parser, UsageError, at_least, seed

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def main(argv: Sequence[str]) -> int:
    """Measures, prints a table and writes a record.

    Args:
        argv: arguments behind ``llm-codec bench``, ``--gpu`` among them.

    Returns:
        0.

    Raises:
        UsageError: wrong arguments.
        ValueError: there is no such device, or a codec or clip cannot be loaded.
    """
    args = _parser().parse_args(argv)
    command.check_folders(args)
    device = find_device(args.device)
    names = args.codecs.split(",")
    lines = [_header(args, device)]
    for name in names:
        codec = LLMCodec.from_pretrained(name)
        waves = batch(codec, args.batch, args.seconds, args.data, args.seed)
        lines += throughput(name, waves, device, args.repeats)
    for line in lines[1:]:
        print("{codec} {dtype}: encode {encode:.0f} h of audio an hour, decode {decode:.0f} h of "
              "audio an hour; {codes_changed:.3%} of codes differ from fp32".format(**line))
    if args.json:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        atomic.write_bytes(args.json, text.encode())
    return 0


def find_device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        UsageError: there is no such kind of device.
        ValueError: PyTorch sees none here, or fewer.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device is {name!r}; expected cuda, cuda:1, mps or cpu") from error
    kinds = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if not kinds.get(device.type, lambda: True)():
        raise ValueError(f"PyTorch {torch.__version__} sees no {device.type} device here; --gpu "
                         "needs one, and a build of PyTorch for it")
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"PyTorch {torch.__version__} cannot use {name} here: {reason}") from error
    return device


def batch(
    codec: LLMCodec, size: int, seconds: float, data: Path | None = None, seed: int = 0
) -> Tensor:
    """Clips of whole blocks, (B, 1, S) float32 at the codec's rate and level.

    Args:
        codec: whose rate, blocks and level are taken.
        size: B.
        seconds: of each, at least; rounded up to whole blocks.
        data: folder or manifest to take clips from, repeated to length; None makes tones in noise.
        seed: of the draw.
    """
    rate = codec.config.sample_rate
    length = codec.config.padded_samples(round(seconds * rate))
    draw = np.random.default_rng(seed)
    if data is None:
        found = [_tone(draw, length, rate) for _ in range(size)]
    else:
        clips = clips_module.find(data)
        chosen = draw.choice(len(clips), size, replace=len(clips) < size)
        found = [np.resize(load_clip(clips[place].path, rate), length) for place in chosen]
    waves = torch.from_numpy(np.stack(found).astype(np.float32))[:, None]
    gains = torch.tensor([codec.level_gain(wave[0]) for wave in waves])
    return waves * gains[:, None, None]


def throughput(
    name: str, waves: Tensor, device: torch.device, repeats: int = 5
) -> list[dict[str, Any]]:
    """Hours of audio that are encoded and decoded in an hour, from host memory to host memory.

    Args:
        name: of an `LLMCodec`.
        waves: (B, 1, S) float32 of whole blocks, on the CPU.
        device: where it runs.
        repeats: timed runs after one that is not; their median counts.

    Returns:
        A line for each of fp32 and bf16: ``encode`` and ``decode`` in hours an hour, and
        ``codes_changed``, the share of codes that are not those of fp32 on the same device.
    """
    lines, wanted = [], None
    for kind, dtype in DTYPES.items():
        codec = LLMCodec.from_pretrained(name, device=device, dtype=dtype)
        hours = waves.shape[0] * waves.shape[-1] / codec.config.sample_rate / 3600
        with torch.inference_mode():
            words, encode = _timed(lambda: codec.words(waves), device, repeats)
            _, decode = _timed(lambda: codec.sound(words, None), device, repeats)
        wanted = words if wanted is None else wanted
        changed = sum(int((a != b).sum()) for a, b in zip(words, wanted))
        lines.append({
            "line": "gpu", "codec": name, "fingerprint": codec.fingerprint, "dtype": kind,
            "batch": waves.shape[0], "seconds": waves.shape[-1] / codec.config.sample_rate,
            "encode": round(3600 * hours / encode, 1), "decode": round(3600 * hours / decode, 1),
            "codes": sum(scale.numel() for scale in words),
            "codes_changed": round(changed / sum(scale.numel() for scale in words), 6),
        })
    return lines


def _timed(work: Callable[[], Any], device: torch.device, repeats: int) -> tuple[Any, float]:
    """A result, and the median of seconds it took. Work ends on the CPU, so nothing is pending."""
    result = work()
    seconds = []
    for _ in range(repeats):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return result, float(np.median(seconds))


def _tone(draw: np.random.Generator, length: int, rate: int) -> np.ndarray:
    """A gliding harmonic tone that comes and goes, in noise."""
    time_ = np.arange(length) / rate
    pitch = draw.uniform(90, 300) * (1 + 0.2 * np.sin(2 * np.pi * draw.uniform(0.2, 2) * time_))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    envelope = 0.5 + 0.5 * np.sin(2 * np.pi * draw.uniform(1, 5) * time_)
    return 0.1 * tone * envelope + draw.normal(0, 0.01, length)


def _header(args: Any, device: torch.device) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "line": "header", "device": name, "data": str(args.data) if args.data else "tones in noise",
        "seed": args.seed, "repeats": args.repeats, "torch": torch.__version__,
        "llm-codec": llm_codec.__version__, "tf32_convolutions": torch.backends.cudnn.allow_tf32,
    }


def _parser() -> Parser:
    found = Parser(prog="llm-codec bench --gpu", description="Throughput of batches on a GPU.")
    found.add_argument("--gpu", action="store_true", help="this measurement")
    found.add_argument("--codecs", default="pocket", help="presets, folders or hub ids (pocket)")
    found.add_argument("--device", default="cuda", help="cuda, cuda:1, mps or cpu (cuda)")
    found.add_argument("--batch", type=at_least(1), default=32, help="clips at once (32)")
    found.add_argument("--seconds", type=float, default=10.0, help="of each clip (10)")
    found.add_argument("--data", type=Path, help="folder or manifest of clips (tones in noise)")
    found.add_argument("--repeats", type=at_least(1), default=5, help="timed runs (5)")
    found.add_argument("--seed", type=seed, default=0, help="of the draw of clips (0)")
    found.add_argument("--json", type=Path, metavar="FILE", help="the record")
    found.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return found
