"""Descriptions of files and codecs, for people and for machines."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import soundfile

from llm_codec import audio, blocks, checkpoint
from llm_codec.codes import MAGIC, SUFFIX, Codes
from llm_codec.config import CodecConfig
from llm_codec.vocabulary import Vocabulary

FIRST_WORDS = 5
LONG_SECONDS = 60  # a longer file is not held in memory


def anything(target: str | Path, codec_name: str | None = None) -> dict[str, Any]:
    """Describes a file of codes, an audio file, or else a codec by preset, folder or hub id.

    Args:
        target: what to describe.
        codec_name: codec whose words a file of codes is shown in; None tries the presets.

    Raises:
        ValueError: it is none of these, or damaged, or the named codec speaks other words.
        FileNotFoundError: it is named like a file and is not there.
    """
    path = Path(target)
    if not path.is_file():
        if path.suffix.lower() in (*audio.SUFFIXES, SUFFIX):  # no need to ask the hub for a.wav
            raise FileNotFoundError(f"{path} is not a file; check the path")
        return codec(target)
    if not is_codes(path):
        return audio_file(path)
    codes = Codes.load(path)
    return code_file(path, codes, _find_words(codes, codec_name))


def is_codes(path: Path) -> bool:
    """Whether a file is one of codes, by how it begins or else by its name."""
    with open(path, "rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC or path.suffix.lower() == SUFFIX


def code_file(path: Path, codes: Codes, words: Vocabulary | None) -> dict[str, Any]:
    """What an ``.lcc`` file holds: lengths, rates, first words, bytes and fingerprints.

    Args:
        path: the file.
        codes: its content.
        words: vocabulary that spells the codes, if it is at hand.
    """
    seconds = [count / codes.sample_rate for count in codes.num_samples.tolist()]
    size = path.stat().st_size
    return {
        "kind": "codes",
        "clips": len(codes),
        "seconds": [round(length, 4) for length in seconds],
        "samples": codes.num_samples.tolist(),
        "sample_rate": codes.sample_rate,
        "words_per_scale": [scale.shape[1] for scale in codes.scales],
        **_rates(codes),
        "bytes": size,
        "file_bits_per_second": round(8 * size / sum(seconds), 1),
        "first_second": _first_second(codes, words) if words else [],
        "codec": codes.codec,
        "vocabulary": codes.vocabulary,
    }


def _rates(units: Codes | CodecConfig) -> dict[str, Any]:
    """Words and bits a second: of all scales, and of each."""
    frames = units.sample_rate / units.hop_length
    rates = [frames / stride for stride in units.vq_strides]
    bits = [math.log2(size) for size in units.codebook_sizes]
    return {
        "codebook_sizes": list(units.codebook_sizes),
        "words_per_second": round(sum(rates), 2),
        "words_per_second_of_scales": [round(rate, 2) for rate in rates],
        "bits_per_second": round(sum(map(math.prod, zip(rates, bits, strict=True))), 1),
        "bits_per_word": [round(count, 2) for count in bits],
    }


def _first_second(codes: Codes, words: Vocabulary) -> list[list[str | int]]:
    """Words of each scale that stand for the first second of the first clip."""
    samples = min(int(codes.num_samples[0]), codes.sample_rate)
    counts = [-(-samples // (codes.hop_length * stride)) for stride in codes.vq_strides]
    spelled = zip(codes.scales, words.scales, counts)  # not strict: there may be fewer scales
    return [[entries[code] for code in scale[0, :count]] for scale, entries, count in spelled]


def _find_words(codes: Codes, codec_name: str | None) -> Vocabulary | None:
    """The vocabulary that the codes name, from a codec or from a preset that has it."""
    for name in [codec_name] if codec_name else checkpoint.PRESETS:
        try:
            words = checkpoint.load_words(checkpoint.resolve(name))
        except checkpoint.CheckpointError:
            if codec_name:
                raise
            continue
        if words is not None and words.fingerprint == codes.vocabulary:
            return words
    if codec_name:
        raise ValueError(f"codec {codec_name} does not speak vocabulary {codes.vocabulary or '-'} "
                         "of this file; give the codec that made it")
    return None


def audio_file(path: Path) -> dict[str, Any]:
    """What an audio file holds, as it lies there, before any resampling.

    Raises:
        AudioError: it is not audio, empty, or holds NaN.
    """
    peak = (blocks if blocks.seconds(path) > LONG_SECONDS else audio).peak(path)
    header = soundfile.info(path)
    return {
        "kind": "audio",
        "seconds": round(header.duration, 4),
        "samples": header.frames,
        "sample_rate": header.samplerate,
        "channels": header.channels,
        "peak": round(peak, 4),
        "bytes": path.stat().st_size,
    }


def codec(name_or_path: str | Path) -> dict[str, Any]:
    """What a codec is: its rates, its words and the fingerprints of all it depends on.

    Raises:
        CheckpointError: there is no such codec, or it is damaged.
    """
    folder = checkpoint.resolve(name_or_path)
    loaded = checkpoint.load(folder)
    config, words = loaded.config, loaded.vocabulary
    return {
        "kind": "codec",
        "folder": str(folder),
        "encoder": config.encoder,
        "decoder": config.decoder,
        "parameters": sum(tensor.numel() for tensor in loaded.state.values()),
        "sample_rate": config.sample_rate,
        "frames_per_second": round(config.frame_rate, 2),
        "block_samples": config.block_samples,
        **_rates(config),
        "first_words": [list(scale[:FIRST_WORDS]) for scale in words.scales] if words else [],
        "fingerprints": loaded.metadata["fingerprints"],
    }


def readable(value: Any) -> str:
    """One value of a description on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {readable(part)}" for name, part in value.items())
    if isinstance(value, list):
        nested = any(isinstance(part, list) for part in value)
        return (" | " if nested else " ").join(map(readable, value))
    return str(value) if value != "" else "-"
