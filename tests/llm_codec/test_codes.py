"""Codes and their file: exact, small, and never silently wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
import zlib
from pathlib import Path

import pytest
import torch

from llm_codec import container
from llm_codec.codes import Codes, CodesError


def make(batch: int = 1, blocks: int = 2, sizes=(20, 33, 1000), seed: int = 0, **kwargs) -> Codes:
    generator = torch.Generator().manual_seed(seed)
    scales = [
        torch.randint(size, (batch, 8 * blocks // stride), generator=generator)
        for size, stride in zip(sizes, (4, 2, 1))
    ]
    values = {
        "scales": scales,
        "num_samples": torch.arange(batch) + 3000,
        "gain": torch.linspace(0.1, 3, batch),
        "codebook_sizes": sizes,
        "codec": "2acf2029e42d642b",
        "vocabulary": "468f33ce8ddff870",
    }
    return Codes(**(values | kwargs))


def same(a: Codes, b: Codes) -> bool:
    """Every field, not only the words."""
    left, right = dataclasses.asdict(a), dataclasses.asdict(b)
    return all(
        torch.equal(left[name], right[name])
        if isinstance(left[name], torch.Tensor)
        else name == "scales" or left[name] == right[name]
        for name in left
    ) and (a == b)


def write(codes: Codes, path: Path, version: int) -> bytes:
    """Writes a file; older versions as they were written before this one was."""
    codes.save(path)
    if version < 3:
        header, packed = container.read(path.read_bytes())
        header |= {"codec": codes.codec, "vocabulary": codes.vocabulary}
        if version == 1:
            header["frames"] = [scale.shape[1] for scale in codes.scales]
        path.write_bytes(old_content(version, json.dumps(header).encode(), packed))
    return path.read_bytes()


def old_content(version: int, text: bytes, packed: bytes = bytes(20)) -> bytes:
    if version == 2:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=container._TYPICAL_2)
        text = deflate.compress(text) + deflate.flush()
    body = b"LLMC" + struct.pack("<BI", version, len(text)) + text + packed
    return body + hashlib.sha256(body).digest()[:8]


@pytest.mark.parametrize("version", [1, 2])
def test_files_of_older_versions_are_read(tmp_path: Path, version: int) -> None:
    for codes in (make(), make(batch=3), make(codec="", vocabulary="")):
        write(codes, tmp_path / "a.lcc", version)
        assert same(Codes.load(tmp_path / "a.lcc"), codes)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("sizes", [(20, 33, 1000), (1, 2, 3), (3248, 32000, 32000), (256,) * 3])
def test_file_gives_everything_back(tmp_path: Path, batch: int, sizes: tuple) -> None:
    codes = make(batch, sizes=sizes)
    codes.save(tmp_path / "a.lcc")
    assert same(Codes.load(tmp_path / "a.lcc"), codes)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.lcc"]


def test_extreme_codes_survive_packing(tmp_path: Path) -> None:
    sizes = (5, 32000, 65537)
    tops = [torch.full((1, count), size - 1) for count, size in zip((2, 4, 8), sizes)]
    codes = make(blocks=1, sizes=sizes, scales=tops)
    codes.save(tmp_path / "a.lcc")
    assert Codes.load(tmp_path / "a.lcc") == codes


def test_what_is_no_fingerprint_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(CodesError, match="'other' is no fingerprint"):
        make(codec="other").save(tmp_path / "a.lcc")
    assert not (tmp_path / "a.lcc").exists()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_flipped_bit_is_found(tmp_path: Path, version: int) -> None:
    path = tmp_path / "a.lcc"
    content = write(make(), path, version)
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(CodesError) as caught:
            Codes.load(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_truncation_is_found(tmp_path: Path, version: int) -> None:
    path = tmp_path / "a.lcc"
    content = write(make(), path, version)
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(CodesError, match="not an .lcc file|cut short"):
            Codes.load(path)


def test_foreign_newer_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "a.lcc"
    with pytest.raises(CodesError, match="is not a file"):
        Codes.load(path)
    with pytest.raises(CodesError, match="is not a file"):
        Codes.load(tmp_path)
    path.write_text("RIFF, perhaps, but certainly no codes")
    with pytest.raises(CodesError, match="is not an .lcc file"):
        Codes.load(path)
    path.write_bytes(b"LLMC" + bytes([9]) + bytes(30))
    with pytest.raises(CodesError, match="has format 9.*update"):
        Codes.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"frames": [4, 8, 17]},
        {"frames": [4, 8]},
        {"frames": 17},
        {"frames": 8 * 10**15},
        {"frames": -8},
        {"frames": None},
        {"codebook_sizes": [20, 33, 2]},
        {"num_samples": [10**9]},
        {"num_samples": [10**30]},
        {"num_samples": []},
        {"num_samples": "many"},
        {"gain": [1e300]},
        {"vq_strides": [0, 0, 0]},
        {"codec": 7},
        {"sample_rate": "slow"},
        {"sample_rate": 0},
        {"hop_length": -480},
        {"colour": "blue"},
    ],
)
def test_a_header_that_lies_is_found(tmp_path: Path, change: dict) -> None:
    path = tmp_path / "a.lcc"
    make().save(path)
    header, packed = container.read(path.read_bytes())
    path.write_bytes(container.write(header | change, packed))
    with pytest.raises(CodesError, match="not a valid .lcc file"):
        Codes.load(path)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("text", [b"1", b'"x"', b"null", b"[]"])
def test_a_header_that_is_no_object_is_found(tmp_path: Path, version: int, text: bytes) -> None:
    (tmp_path / "a.lcc").write_bytes(old_content(version, text))
    with pytest.raises(CodesError, match="not a valid .lcc file .its header is no object"):
        Codes.load(tmp_path / "a.lcc")


def test_items_and_stack_are_inverse() -> None:
    codes = make(batch=3)
    items = list(codes)
    assert len(codes) == 3 and [len(item) for item in items] == [1, 1, 1]
    assert same(Codes.stack(items), codes)
    assert same(codes[-1], items[2])
    with pytest.raises(IndexError):
        codes[3]


def test_stack_refuses_what_differs() -> None:
    with pytest.raises(CodesError, match="different lengths"):
        Codes.stack([make(blocks=2), make(blocks=3)])
    with pytest.raises(CodesError, match="different codecs"):
        Codes.stack([make(), make(codec="other")])
    with pytest.raises(CodesError, match="no codes"):
        Codes.stack([])


def test_equality_is_about_words() -> None:
    codes = make()
    assert codes == make(num_samples=torch.tensor([9]), gain=torch.ones(1), codec="")
    assert codes != make(seed=1)
    assert codes != make(blocks=3)
    assert codes != make(codebook_sizes=(21, 33, 1000))
    assert codes != "codes"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scales": []}, "0 scales"),
        ({"vq_strides": (2, 1)}, "2 strides"),
        ({"codebook_sizes": (20, 33, 10)}, "its codebook has 0 to 9"),
        ({"scales": [torch.zeros(1, 4), *make().scales[1:]]}, "scale 1 is torch.float32"),
        ({"scales": [torch.zeros(4).long(), *make().scales[1:]]}, r"of shape \(4,\)"),
        ({"scales": [make().scales[0] - 30, *make().scales[1:]]}, "holds codes from -"),
        ({"scales": [make().scales[0][:, :2], *make().scales[1:]]}, "do not fit strides"),
        ({"num_samples": torch.tensor([0])}, "hold 1 to 7680 samples"),
        ({"num_samples": torch.tensor([7681])}, "hold 1 to 7680 samples"),
        ({"gain": torch.ones(2)}, "shape"),
        ({"gain": torch.tensor([float("nan")])}, "finite"),
    ],
)
def test_codes_are_checked_when_made(change: dict, message: str) -> None:
    with pytest.raises(CodesError, match=message):
        make(**change)


def test_codes_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().codec = "other"  # type: ignore[misc]
