"""Feeds damaged audio and .lcc files to the readers: one clear error each, never more.

    python tests/fuzz.py --count 5000 --seed 0

Every file is either read or refused with one line. A traceback of another kind, a file that takes
longer than `PATIENCE`, a crash of a library below, or memory that grows ends the run with exit
code 1 and leaves the file that did it in the folder named.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import hashlib
import io
import json
import random
import resource
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile
import torch

from llm_codec import audio, cli, container
from llm_codec.codes import Codes, CodesError

PATIENCE = 5.0  # seconds for one file of half a second of sound
STUCK = 60.0  # seconds after which a library below counts as hanging
ROOM = 192  # MiB that memory may grow after the first files
FORMATS = [
    ("wav", "PCM_16"), ("wav", "PCM_U8"), ("wav", "FLOAT"), ("wav", "IMA_ADPCM"), ("wav", "ULAW"),
    ("flac", "PCM_16"), ("ogg", "VORBIS"), ("ogg", "OPUS"), ("mp3", "MPEG_LAYER_III"),
    ("aiff", "PCM_16"), ("au", "PCM_16"), ("w64", "PCM_24"), ("caf", "PCM_16"),
]
EXTREMES = [0, 1, 2, 127, 128, 255, 32767, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1]
VALUES = [None, True, 0, -1, 1, 3, 2**31, 2**63, 10**30, 1e300, float("nan"), "", "x", [], {},
          [0], [1, 2], [[1]], [10**12] * 3]


def audio_seeds() -> list[tuple[str, bytes]]:
    """Half a second of sound in every format, and some rates and channels."""
    found = []
    for number, (kind, subtype) in enumerate(FORMATS):
        rate, channels = (16000, 48000, 8000)[number % 3], 1 + number % 2
        time_ = np.arange(rate // 2) / rate
        wave = np.stack([0.3 * np.sin(440 * (c + 1) * 6.28 * time_) for c in range(channels)], 1)
        buffer = io.BytesIO()
        soundfile.write(buffer, wave, rate, format=kind.upper(), subtype=subtype)
        found.append((f".{kind}", buffer.getvalue()))
    return found


def code_seeds(folder: Path) -> list[tuple[str, bytes]]:
    """Files of codes: of one clip and of three, of the first version and of this one."""
    found = []
    for batch, blocks in ((1, 1), (1, 9), (3, 2)):
        sizes = (3248, 32000, 32000)
        scales = tuple(torch.randint(v, (batch, n * blocks)) for v, n in zip(sizes, (2, 4, 8)))
        lengths, gains = torch.full((batch,), 3000), torch.full((batch,), 0.7)
        Codes(scales, lengths, gains, sizes, "c" * 16, "b" * 16).save(folder / "seed.lcc")
        content = (folder / "seed.lcc").read_bytes()
        header, packed = container.read(content)
        header |= {"codec": "c" * 16, "vocabulary": "b" * 16}
        header["frames"] = [scale.shape[1] for scale in scales]
        text = json.dumps(header).encode()
        found += [(".lcc", content), (".lcc", sealed(1, text, packed))]
    return found


def sealed(version: int, text: bytes, packed: bytes) -> bytes:
    """A file of codes with a checksum that is right, whatever it holds."""
    if version > 2:
        body = b"LLMC" + bytes([version, len(text) & 127 | 128, len(text) >> 7]) + text + packed
        return body + struct.pack("<I", zlib.crc32(body))
    body = b"LLMC" + struct.pack("<BI", version, len(text)) + text + packed
    return body + hashlib.sha256(body).digest()[:8]


def mutate(content: bytes, draw: random.Random, others: list[bytes]) -> bytes:
    """One to four kinds of damage, often near the beginning, where headers are."""
    data = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        if not data:
            break
        reach = len(data) if draw.random() < 0.5 else min(len(data), 64)
        at, length = draw.randrange(reach), draw.randint(1, 32)
        kind = draw.randrange(8)
        if kind == 0:
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[at : at + length] = draw.randbytes(length)
        elif kind == 2:
            order = draw.choice("<>")
            data[at : at + 4] = struct.pack(order + "I", draw.choice(EXTREMES))
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            del data[at : at + length]
        elif kind == 5:
            data[at:at] = data[at : at + length] * draw.randint(1, 9)
        elif kind == 6:
            data[at : at + length] = bytes([draw.choice((0, 255))]) * length
        else:
            other = draw.choice(others)
            data[at:] = other[draw.randrange(len(other)) :]
    return bytes(data)


def lie(content: bytes, draw: random.Random) -> bytes:
    """A file of codes whose checksum is right and whose header, or codes, are wrong."""
    header, packed = container.read(content)
    for name in draw.sample(sorted(header), draw.randint(1, 2)):
        value = header[name]
        if isinstance(value, list) and value and draw.random() < 0.6:
            header[name] = [*value]
            header[name][draw.randrange(len(value))] = draw.choice(VALUES)
        elif draw.random() < 0.2:
            del header[name]
        else:
            header[name] = draw.choice(VALUES)
    if draw.random() < 0.2:
        packed = mutate(packed, draw, [packed])
    if draw.random() < 0.05:
        header = draw.choice(VALUES)
    text = json.dumps(header).encode()
    if draw.random() < 0.2:
        return sealed(draw.choice((0, 1, 2, 3)), mutate(text, draw, [text]), packed)
    return container.write(header, packed) if draw.random() < 0.5 else sealed(1, text, packed)


def feed(path: Path, whole: bool) -> str:
    """Reads one file: ``"read"`` or ``"refused"``; whatever else it raises is a defect.

    Args:
        path: the file.
        whole: go through the command line, which describes what it reads.
    """
    if whole:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(["info", str(path), "--json"])
        lines = err.getvalue().strip().splitlines()
        assert code in (0, 1) and len(lines) == code, (code, lines)
        return "refused" if code else "read"
    try:
        if path.suffix == ".lcc":
            codes = Codes.load(path)
            assert all(scale.numel() for scale in codes.scales)
        else:
            clip = audio.load(path)
            assert clip.ndim == 1 and len(clip) and bool(np.isfinite(clip).all())
    except ValueError as error:
        message = str(error)
        assert type(error) in (audio.AudioError, CodesError) and "\n" not in message, message
        return "refused"
    return "read"


def peak() -> float:
    """MiB this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(count: int, seed: int, folder: Path) -> tuple[Counter, float, float]:
    """Feeds ``count`` files; returns what became of them, MiB grown and seconds of the slowest."""
    torch.manual_seed(seed)
    draw = random.Random(seed)
    sounds, codes = audio_seeds(), code_seeds(folder)
    for suffix, content in sounds + codes:  # undamaged files are read, and warm up the libraries
        path = folder / f"whole{suffix}"
        path.write_bytes(content)
        assert feed(path, whole=False) == feed(path, whole=True) == "read", path
    start, slowest, found = peak(), 0.0, Counter()
    for number in range(count):
        pool = (sounds, codes)[number % 2]
        suffix, content = draw.choice(pool)
        others = [other for _, other in sounds + codes]
        lied = suffix == ".lcc" and draw.random() < 0.5
        damaged = lie(content, draw) if lied else mutate(content, draw, others)
        path = folder / f"damaged{suffix}"
        path.write_bytes(damaged)
        faulthandler.dump_traceback_later(STUCK, exit=True)
        began = time.perf_counter()
        found[f"{suffix} {feed(path, whole=number % 10 < 2)}"] += 1
        took = time.perf_counter() - began
        slowest = max(slowest, took)
        assert took < PATIENCE, f"{took:.1f} seconds"
        assert peak() - start < ROOM, f"memory grew by {peak() - start:.0f} MiB"
    faulthandler.cancel_dump_traceback_later()
    return found, peak() - start, slowest


def main() -> int:
    """Runs from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fuzz"))
    faulthandler.enable()
    try:
        found, grown, slowest = run(args.count, args.seed, folder)
    except BaseException:
        print(f"the file that did it is in {folder}", file=sys.stderr)
        raise
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    print(f"{args.count} files: {dict(sorted(found.items()))}")
    print(f"memory grew by {grown:.0f} MiB; the slowest took {slowest:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
