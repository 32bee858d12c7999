"""Plain text for pre-training: files of documents, read and cut into token blocks."""

from __future__ import annotations

import hashlib
import json
import lzma
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from llm_codec import atomic
from llm_codec.training.corpus import saved_by_datasets

DOCUMENT_MARK = "\n\n<|doc|>\n"
HELD_OUT = 50  # one document in so many is never trained on


def read_documents(path: Path) -> list[str]:
    """Documents of one ``.txt`` or ``.txt.xz`` file, in order.

    Documents are separated by an empty line and a ``<|doc|>`` line; a file without the mark is one
    document.

    Raises:
        ValueError: the file is damaged, or is not UTF-8 text.
    """
    raw = path.read_bytes()
    try:
        text = lzma.decompress(raw) if path.suffix == ".xz" else raw
        return text.decode("utf-8").split(DOCUMENT_MARK)
    except (lzma.LZMAError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}") from error


def text_files(root: Path) -> list[Path]:
    """Text files of a folder, sorted by name.

    Raises:
        FileNotFoundError: the folder holds none.
    """
    files = sorted(p for p in root.iterdir() if p.name.endswith((".txt", ".txt.xz")))
    if not files:
        raise FileNotFoundError(f"no .txt or .txt.xz file in {root}")
    return files


def text_folder(name: str, folder: Path) -> Path:
    """A folder of text files; a name that is none is fetched from the Hugging Face hub.

    Args:
        name: a folder; or a data set with a column ``text`` and a part ``train``: ``owner/name`` or
            ``owner/name:config`` on the hub, or a folder written by ``save_to_disk``.
        folder: where a fetched data set is written, once, as one file.

    Raises:
        FileNotFoundError: there is neither.
        ImportError: `datasets` is not installed.
        ValueError: the data set has no such column.
    """
    if Path(name).is_dir() and not saved_by_datasets(Path(name)):
        return Path(name)
    target = folder / "text" / f"{re.sub('[/:]', '--', name)}.txt"
    if not target.exists():
        rows = _fetch(name)
        if "text" not in rows.column_names:
            raise ValueError(f"{name} has columns {rows.column_names}; expected one called text")
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(target, DOCUMENT_MARK.join(rows["text"]).encode("utf-8"))
    return target.parent


def _fetch(name: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise ImportError(
            f"{name} is no folder; to look for it on the hub, pip install 'llm-codec[train]'"
        ) from error
    try:
        if Path(name).is_dir():
            found = datasets.load_from_disk(name)
            return found["train"] if isinstance(found, dict) else found
        path, _, config = name.partition(":")
        return datasets.load_dataset(path, config or None, split="train")
    except (OSError, ValueError, KeyError) as error:  # no network, no such data set or config
        raise FileNotFoundError(
            f"{name} is no folder of text, and no part train of a data set of that name could be "
            f"had ({type(error).__name__}: {' '.join(str(error).split())[:120]})"
        ) from error


def is_held_out(number: int) -> bool:
    """Whether the document of that number in its file is kept for evaluation."""
    return number % HELD_OUT == HELD_OUT - 1


def encode_corpus(
    tokenizer: PreTrainedTokenizerFast, files: Sequence[Path], shares: dict[str, float], end: int,
    held_out: bool = False,
) -> np.ndarray:
    """One long uint16 stream of tokens, documents closed by ``end``.

    Args:
        tokenizer: a fast tokenizer of at most 65 536 entries.
        files: text files.
        shares: file name -> part of its documents to take (1.0 where absent). Dialogues repeat a
            few hundred patterns and would dominate if taken whole.
        end: token id put after each document.
        held_out: take the documents kept for evaluation instead of the others.

    Returns:
        (L,) uint16.
    """
    backend = tokenizer.backend_tokenizer
    pieces: list[np.ndarray] = []
    for path in files:
        documents = read_documents(path)
        keep = documents[: max(1, int(len(documents) * shares.get(path.name, 1.0)))]
        keep = [text for number, text in enumerate(keep) if is_held_out(number) == held_out]
        for start in range(0, len(keep), 256):
            batch = keep[start : start + 256]
            for encoding in backend.encode_batch(batch, add_special_tokens=False):
                pieces.append(np.array(encoding.ids + [end], dtype=np.uint16))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.uint16)


def cached_corpus(
    folder: Path, tokenizer: PreTrainedTokenizerFast, files: Sequence[Path],
    shares: dict[str, float],
) -> np.ndarray:
    """`encode_corpus`, kept in ``folder`` under a name that changes with all it depends on."""
    facts = [[path.name, path.stat().st_size, path.stat().st_mtime_ns,
              shares.get(path.name, 1.0)] for path in files]
    facts.append(tokenizer.backend_tokenizer.to_str())
    name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    cached = folder / f"corpus-{name}.npy"
    if not cached.exists():
        with atomic.writing(cached) as stream:
            np.save(stream, encode_corpus(tokenizer, files, shares, tokenizer.eos_token_id))
    return np.load(cached, mmap_mode="r")
