"""The container of code files: how small it is, and how large it may be."""

from __future__ import annotations

import math
import random
import struct
import zlib
from pathlib import Path

import pytest
import torch

from llm_codec import container
from llm_codec.codes import Codes, CodesError
from llm_codec.config import CodecConfig

RELEASED, POCKET = (3248, 32000, 32000), (3584, 3584, 3584)
FRAME = 67  # bytes of a file of one clip up to a minute that are no codes


def make(sizes: tuple[int, ...], seconds: float, seed: int = 0, clips: int = 1) -> Codes:
    """Codes as a codec makes them, of any content, level and origin."""
    draw, samples = random.Random(seed), round(seconds * 16000)
    counts = CodecConfig().scale_frames(samples)
    scales = [torch.randint(size, (clips, n)) for size, n in zip(sizes, counts, strict=True)]
    gains = torch.tensor([draw.uniform(0.1, 9) for _ in range(clips)])
    prints = (f"{draw.getrandbits(64):016x}" for _ in range(2))
    return Codes(tuple(scales), torch.full((clips,), samples), gains, sizes, *prints)


def sizes_of(codes: Codes, path: Path) -> tuple[int, int, float]:
    """Bytes of the file, of its packed codes, and of the codes without entropy coding."""
    codes.save(path)
    content = path.read_bytes()
    pairs = zip(codes.scales, codes.codebook_sizes, strict=True)
    least = sum(scale.numel() * math.log2(size) for scale, size in pairs) / 8
    return len(content), len(container.read(content)[1]), least


@pytest.mark.parametrize("sizes", [RELEASED, POCKET])
@pytest.mark.parametrize("seconds", [0.5, 10, 11.3, 60])
def test_a_file_is_little_more_than_its_codes(
    tmp_path: Path, sizes: tuple[int, ...], seconds: float
) -> None:
    """Codes within 2 % of sum T_k log2 V_k at any length; header and checksum come once."""
    for seed in range(50):
        whole, packed, least = sizes_of(make(sizes, seconds, seed), tmp_path / "a.lcc")
        assert seconds < 10 or least <= packed <= 1.02 * least
        assert whole - packed <= FRAME


@pytest.mark.parametrize(
    ("sizes", "seconds", "share"),
    [(RELEASED, 10, 1.065), (RELEASED, 45, 1.02), (POCKET, 10, 1.09), (POCKET, 220, 1.02)],
)
def test_from_which_length_on_a_whole_file_is_within_two_per_cent(
    tmp_path: Path, sizes: tuple[int, ...], seconds: float, share: float
) -> None:
    """12 bits for 3 584 words are 1.6 % too many, which leaves little for a header."""
    for seed in range(20):
        for longer in (1, 1.7, 4):
            whole, _, least = sizes_of(make(sizes, longer * seconds, seed), tmp_path / "a.lcc")
            assert whole <= share * least


def test_a_header_that_swells_is_not_unpacked(tmp_path: Path) -> None:
    """17 MB of zeros in 17 kB: a decompression bomb."""
    path = tmp_path / "a.lcc"
    for text in (zlib.compress(bytes(17 << 20), wbits=-15), b"\x00", b""):
        body = b"LLMC\x03" + container._leb128(len(text)) + text + bytes(20)
        path.write_bytes(body + struct.pack("<I", zlib.crc32(body)))
        with pytest.raises(CodesError, match="not a valid .lcc file"):
            Codes.load(path)


def test_a_batch_too_large_for_a_header_is_refused_when_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(POCKET, 0.2, clips=20000).save(tmp_path / "a.lcc")
    assert len(Codes.load(tmp_path / "a.lcc")) == 20000
    monkeypatch.setattr(container, "MAX_HEADER", 100)
    with pytest.raises(CodesError, match="b.lcc: too many clips"):
        make(POCKET, 1).save(tmp_path / "b.lcc")
    assert not (tmp_path / "b.lcc").exists()
