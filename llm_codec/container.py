"""The ``.lcc`` container: a header, packed codes and a checksum, in one string of bytes.

Magic ``LLMC``, version u8, length of the header as LEB128, header, codes, CRC-32 of all that;
numbers are little-endian. The header is JSON; deflated, for it would be a fifth of a clip of ten
seconds otherwise. Versions 1 and 2 had its length as u32 and the first 8 bytes of the SHA-256;
version 1 had the JSON as it is.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

MAGIC = b"LLMC"
VERSION = 3
MAX_HEADER = 1 << 24  # bytes of JSON: what is longer is no header but a trap
_SHORTEST = 4 + 1 + 1 + 4  # magic, version, length, checksum

# Both sides know this text, so that a header costs little more than what differs from it.
# Changing it makes another version.
_TYPICAL = (
    b'{"codec":"","vocabulary":"","codebook_sizes":[3248,32000,32000],"vq_strides":[4,2,1],'
    b'"hop_length":480,"sample_rate":16000,"frames":8,"num_samples":[1],"gain":[1.0]}",'
    b'"vocabulary":"","codebook_sizes":[3584,3584,3584],"vq_strides":[4,2,1],"hop_length":480,'
    b'"sample_rate":16000,"frames":8,"num_samples":[1],"gain":[1.0]}{"codec":"'
)
_TYPICAL_2 = (
    b'{"codec":"","vocabulary":"","codebook_sizes":[3248,32000,32000],"codebook_sizes":[3584,3584,'
    b'3584],"vq_strides":[4,2,1],"hop_length":480,"sample_rate":16000,"frames":40,"num_samples":['
    b'16000],"gain":[1.0]}'
)


class ContainerError(ValueError):
    """Bytes are no file of codes; the message says why, without the file's name."""


def write(header: dict[str, Any], packed: bytes) -> bytes:
    """The whole content of a file.

    Raises:
        ContainerError: the header is too long: thousands of clips in one file.
    """
    text = json.dumps(header, separators=(",", ":")).encode()
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _TYPICAL)
    short = deflate.compress(text) + deflate.flush()
    if len(text) > MAX_HEADER:
        raise ContainerError("too many clips for one .lcc file; save them in several")
    content = MAGIC + bytes([VERSION]) + _leb128(len(short)) + short + packed
    return content + _checksum(content, VERSION)


def read(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and packed codes of a file, its frame and checksum verified.

    Raises:
        ContainerError: foreign, newer, damaged or cut short.
    """
    if content[:4] != MAGIC or len(content) < _SHORTEST:
        raise ContainerError("is not an .lcc file; expected the output of `llm-codec encode`")
    version = content[4]
    if version > VERSION:
        raise ContainerError(
            f"has format {version}; this version reads up to {VERSION}: update llm-codec"
        )
    end = len(content) - len(_checksum(b"", version))
    if _checksum(content[:end], version) != content[end:]:
        raise ContainerError("is damaged or cut short (checksum differs); encode again")
    start, length = _header_at(content, version)
    text, packed = content[start : start + length], content[start + length : end]
    if version > 1:
        text = _inflate(text, _TYPICAL if version > 2 else _TYPICAL_2)
    return json.loads(text), packed


def packed_bytes(count: int, size: int) -> int:
    """Bytes that ``count`` codes of a codebook of ``size`` words take."""
    return (count * code_bits(size) + 7) // 8


def pack(codes: Tensor, size: int) -> bytes:
    """Codes (B, T_k) as ceil(log2 V_k) bits each, most significant first, to a whole byte."""
    shifts = np.arange(code_bits(size))[::-1]
    bits = (codes.cpu().numpy().reshape(-1, 1) >> shifts) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def unpack(packed: bytes, shape: tuple[int, int], size: int) -> Tensor:
    """Inverse of `pack`."""
    width = code_bits(size)
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=shape[0] * shape[1] * width)
    weights = 1 << np.arange(width, dtype=np.int64)[::-1]
    return torch.from_numpy((bits.reshape(-1, width) @ weights).reshape(shape))


def code_bits(size: int) -> int:
    """Bits of one code of a codebook of ``size`` words."""
    return max(1, (size - 1).bit_length())


def _header_at(content: bytes, version: int) -> tuple[int, int]:
    """Where the header begins, and its length."""
    if version < 3:
        return 9, struct.unpack("<I", content[5:9])[0]
    length = place = 0
    while place < 5:  # 35 bits are more than any header needs
        byte = content[5 + place]
        length |= (byte & 127) << 7 * place
        place += 1
        if byte < 128:
            break
    return 5 + place, length


def _leb128(number: int) -> bytes:
    """Seven bits a byte, lowest first; the highest bit says that more follow."""
    parts = [number & 127]
    while number := number >> 7:
        parts[-1] |= 128
        parts.append(number & 127)
    return bytes(parts)


def _inflate(short: bytes, typical: bytes) -> bytes:
    inflate = zlib.decompressobj(-15, typical)
    try:
        text = inflate.decompress(short, MAX_HEADER)
    except zlib.error as error:
        raise ContainerError(f"is not a valid .lcc file ({error}); encode again") from error
    if not inflate.eof:
        raise ContainerError("is not a valid .lcc file (its header has no end); encode again")
    return text


def _checksum(content: bytes, version: int) -> bytes:
    if version < 3:
        return hashlib.sha256(content).digest()[:8]
    return struct.pack("<I", zlib.crc32(content))
