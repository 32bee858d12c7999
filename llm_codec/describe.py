"""Descriptions of files and codecs, for people and for machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import soundfile

from llm_codec import audio, blocks, checkpoint
from llm_codec.codes import MAGIC, SUFFIX, Codes

FIRST_WORDS = 5
LONG_SECONDS = 60  # a longer file is not held in memory


def anything(target: str | Path) -> dict[str, Any]:
    """Describes a file of codes, an audio file, or else a codec by preset, folder or hub id.

    Raises:
        ValueError: it is none of these, or damaged.
        FileNotFoundError: it is named like a file and is not there.
    """
    path = Path(target)
    if not path.is_file():
        if path.suffix.lower() in (*audio.SUFFIXES, SUFFIX):  # no need to ask the hub for a.wav
            raise FileNotFoundError(f"{path} is not a file; check the path")
        return codec(target)
    with open(path, "rb") as stream:
        coded = stream.read(len(MAGIC)) == MAGIC or path.suffix.lower() == SUFFIX
    return code_file(path, Codes.load(path)) if coded else audio_file(path)


def code_file(path: Path, codes: Codes) -> dict[str, Any]:
    """What an ``.lcc`` file holds: lengths, codes of each scale, bytes and fingerprints."""
    return {
        "kind": "codes",
        "clips": len(codes),
        "seconds": [round(count / codes.sample_rate, 4) for count in codes.num_samples.tolist()],
        "sample_rate": codes.sample_rate,
        "words_per_scale": [scale.shape[1] for scale in codes.scales],
        "codebook_sizes": list(codes.codebook_sizes),
        "bytes": path.stat().st_size,
        "codec": codes.codec,
        "vocabulary": codes.vocabulary,
    }


def audio_file(path: Path) -> dict[str, Any]:
    """What an audio file holds, as it lies there, before any resampling.

    Raises:
        AudioError: it is not audio, empty, or holds NaN.
    """
    long = blocks.seconds(path) > LONG_SECONDS
    parts = blocks.read(path, 16000) if long else [audio.load(path)]
    peak = max(float(abs(part).max()) for part in parts)
    header = soundfile.info(path)
    return {
        "kind": "audio",
        "seconds": round(header.duration, 4),
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
        "words_per_second": round(config.tokens_per_second, 2),
        "bits_per_second": round(config.bits_per_second, 1),
        "codebook_sizes": list(config.codebook_sizes),
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
