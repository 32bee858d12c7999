"""Checkpoint: where trained weights lie, and the folder they are kept in."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from llm_codec import atomic
from llm_codec.config import CodecConfig
from llm_codec.vocabulary import Vocabulary

FORMAT = 1
PRESETS = ("pocket",)
HUB_OPTIONS = ("token", "cache_dir", "force_download")
CONFIG, WEIGHTS, WORDS = "config.json", "model.safetensors", "vocabulary.json"
SAVED = "expected one saved by LLMCodec.save_pretrained"

# Installed, the shipped weights are a data package beside this one; in a checkout, a folder.
_SHIPPED = ("llm_codec_checkpoints", "checkpoints")
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged or does not fit; the message says which and what to do."""


@dataclass(frozen=True)
class Loaded:
    """Content of a checkpoint folder, verified.

    Args:
        config: shape of the codec.
        state: tensors by name, in the precision they are stored in.
        vocabulary: words of the codec, or None.
        metadata: whatever else was saved, ``"llm"`` (the fingerprint of the frozen LLM) and
            ``"fingerprints"`` (of weights, vocabulary and LLM) included.
        fingerprint: of ``state``.
    """

    config: CodecConfig
    state: dict[str, Tensor]
    vocabulary: Vocabulary | None
    metadata: dict[str, Any]
    fingerprint: str


def resolve(
    name_or_path: str | Path, part: str = "codec", revision: str | None = None,
    local_files_only: bool = False, **hub: Any,
) -> Path:
    """Finds the folder of a codec or of an LLM.

    Args:
        name_or_path: a preset (``"pocket"``), a folder, or a Hugging Face hub id ``owner/name``.
            A folder or repository that holds a pair is entered at ``part``.
        part: ``"codec"`` or ``"llm"``.
        revision: branch, tag or commit on the hub.
        local_files_only: take a hub id from the local cache, without network.
        hub: ``token``, ``cache_dir`` and ``force_download`` of huggingface_hub.

    Raises:
        TypeError: another keyword.
        CheckpointError: nothing of that name is here or on the hub.
    """
    unknown = sorted(set(hub) - set(HUB_OPTIONS))
    if unknown:  # also where no hub is asked: a misspelt option must not pass unseen
        raise TypeError(f"unknown arguments {unknown}; the hub takes {', '.join(HUB_OPTIONS)}")
    name = str(name_or_path)
    if name in PRESETS:
        return _shipped(name, part)
    folder = Path(name_or_path).expanduser()
    if not name or not folder.is_dir():
        if not _HUB_ID.fullmatch(name):
            raise CheckpointError(
                f"{name!r} is no {part}: expected a preset ({', '.join(PRESETS)}), a folder, or a "
                "hub id owner/name"
            )
        options = {"revision": revision, "local_files_only": local_files_only}
        folder = _download(name, **options, **hub)
    return folder / part if (folder / part / CONFIG).is_file() else folder


def save(
    folder: str | Path, config: CodecConfig, state: Mapping[str, Tensor],
    vocabulary: Vocabulary | None = None, extra: Mapping[str, Any] | None = None,
) -> None:
    """Writes a checkpoint folder: weights and words first, then the config that names them.

    Args:
        folder: made if missing.
        config: shape of the codec.
        state: tensors by name, stored in the precision they have.
        vocabulary: words of the codec, if it has any.
        extra: JSON values kept beside them; ``extra["llm"]`` names the frozen LLM. What `load`
            gave as metadata may be handed on: its fingerprints are computed anew.

    Raises:
        OSError: a file cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    extra = {name: value for name, value in (extra or {}).items() if name != "fingerprints"}
    document = {
        "format": FORMAT,
        "config": config.to_dict(),
        "fingerprints": {
            "weights": fingerprint(state),
            "vocabulary": vocabulary.fingerprint if vocabulary else "",
            "llm": extra.pop("llm", ""),
            "config": _config_fingerprint(config.to_dict()),
        },
        "metadata": extra,
    }
    atomic.write_bytes(folder / WEIGHTS, safetensors.torch.save(state, {"format": "pt"}))
    if vocabulary:
        vocabulary.save(folder / WORDS)
    atomic.write_bytes(folder / CONFIG, json.dumps(document, indent=2).encode() + b"\n")


def load(folder: str | Path) -> Loaded:
    """Reads a checkpoint folder and verifies that its files belong together.

    Raises:
        CheckpointError: a file is missing, damaged, from a newer version, or not the one the
            config names.
    """
    folder = Path(folder)
    config, prints, metadata = _read_config(folder / CONFIG)
    state = _read_weights(folder / WEIGHTS)
    _verify(folder / WEIGHTS, fingerprint(state), prints["weights"])
    vocabulary = load_words(folder)
    metadata = {**metadata, "llm": prints["llm"], "fingerprints": prints}
    return Loaded(config, state, vocabulary, metadata, prints["weights"])


def load_words(folder: str | Path) -> Vocabulary | None:
    """The verified vocabulary of a checkpoint folder, without its weights; None if it has none.

    Raises:
        CheckpointError, VocabularyError: as `load`.
    """
    folder = Path(folder)
    _, prints, _ = _read_config(folder / CONFIG)
    if not prints["vocabulary"]:
        return None
    vocabulary = Vocabulary.load(folder / WORDS)
    _verify(folder / WORDS, vocabulary.fingerprint, prints["vocabulary"])
    return vocabulary


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """16 hex characters that name tensors: sha256 over each name, dtype, shape and content."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        tensor = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def _shipped(name: str, part: str) -> Path:
    """Folder of a preset, beside this package wherever that was installed."""
    root = Path(__file__).resolve().parents[1]
    for shipped in _SHIPPED:
        folder = root / shipped / name / part
        if (folder / CONFIG).is_file():
            return folder
    raise CheckpointError(
        f"the {part} of preset {name} is not installed beside {Path(__file__).parent}; install "
        "llm-codec again or give a folder"
    )


def _download(name: str, **options: Any) -> Path:
    """Snapshot of a hub repository in the local cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, **options))
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError, ValueError) as error:
        raise CheckpointError(
            f"{name} is no folder here and could not be had from the hub ({type(error).__name__}); "
            "check the name, the network or the revision"
        ) from error


def _read_config(path: Path) -> tuple[CodecConfig, dict[str, str], dict[str, Any]]:
    """Config, fingerprints and metadata of ``config.json``."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] > FORMAT:
            raise CheckpointError(f"{path} is from a newer version; update llm-codec")
        prints = {name: document["fingerprints"][name] for name in ("weights", "vocabulary", "llm")}
        config = CodecConfig.from_dict(document["config"])
        _verify_config(path, document)
        return config, prints, document["metadata"]
    except OSError as error:
        raise CheckpointError(f"{path.parent} is no codec folder: its {CONFIG} cannot be read "
                              f"({error.strerror}); {SAVED}") from error
    except (KeyError, TypeError, json.JSONDecodeError, UnicodeError) as error:
        raise CheckpointError(f"{path} is not the config of a codec; {SAVED}") from error
    except CheckpointError:
        raise
    except ValueError as error:  # a value CodecConfig does not take
        raise CheckpointError(f"{path}: {error}") from error


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing; expected the weights of the codec") from None
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged or cut short ({error}); fetch again") from error


def _config_fingerprint(values: Mapping[str, Any]) -> str:
    """Names a config: strides or level changed by hand would make other words, unnoticed."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _verify_config(path: Path, document: Mapping[str, Any]) -> None:
    seen = _config_fingerprint(document["config"])
    expected = document["fingerprints"].get("config", seen)  # the first checkpoints name none
    if seen != expected:
        raise CheckpointError(
            f"{path} was changed after it was saved (fingerprint {seen}, not {expected}); fetch or "
            "save the checkpoint again"
        )


def _verify(path: Path, seen: str, expected: str) -> None:
    if seen != expected:
        raise CheckpointError(
            f"{path} has fingerprint {seen} but {CONFIG} names {expected}; the files do not belong "
            "together: fetch or save the checkpoint again"
        )
