"""Plain text for pre-training: files of documents, read and cut into token blocks."""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerFast

DOCUMENT_MARK = "\n\n<|doc|>\n"


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


def encode_corpus(
    tokenizer: PreTrainedTokenizerFast, files: Sequence[Path], shares: dict[str, float], end: int
) -> np.ndarray:
    """One long uint16 stream of tokens, documents closed by ``end``.

    Args:
        tokenizer: a fast tokenizer of at most 65 536 entries.
        files: text files.
        shares: file name -> part of its documents to take (1.0 where absent). Dialogues repeat a
            few hundred patterns and would dominate if taken whole.
        end: token id put after each document.

    Returns:
        (L,) uint16.
    """
    backend = tokenizer.backend_tokenizer
    pieces: list[np.ndarray] = []
    for path in files:
        documents = read_documents(path)
        keep = documents[: max(1, int(len(documents) * shares.get(path.name, 1.0)))]
        for batch in _batches(keep, 256):
            for encoding in backend.encode_batch(batch, add_special_tokens=False):
                pieces.append(np.array(encoding.ids + [end], dtype=np.uint16))
    return np.concatenate(pieces)


def _batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
