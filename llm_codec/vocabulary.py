"""Vocabulary: the word of every code, and the file that keeps them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from llm_codec import atomic
from llm_codec.binding import BoundVocabulary
from llm_codec.config import CodecConfig
from llm_codec.spelling import VocabularyError, check_entries

FORMAT = 1

__all__ = ["BoundVocabulary", "Vocabulary", "VocabularyError"]


class Vocabulary:
    """The words a codec speaks: one list per scale, one entry per code.

    Args:
        scales: K lists, coarse to fine. An entry is a word, spoken with a space before it, or the
            raw id of a token (the released LLM-Codec has ids at scales 2 and 3).

    Raises:
        VocabularyError: no scales, or an entry that is empty, repeated or of another type.
    """

    def __init__(self, scales: Sequence[Sequence[str | int]]) -> None:
        lists: list[tuple[str | int, ...]] = []
        for scale in map(tuple, scales):  # equal scales share one tuple: two have 32 000 entries
            lists.append(next((known for known in lists if known == scale), scale))
        self.scales = tuple(lists)
        if not self.scales:
            raise VocabularyError("a vocabulary needs at least one scale, got none")
        for number, scale in enumerate(self.scales, start=1):
            check_entries(number, scale)

    @property
    def sizes(self) -> tuple[int, ...]:
        """V_k of each scale."""
        return tuple(map(len, self.scales))

    @cached_property
    def fingerprint(self) -> str:
        """16 hex characters that name the words and their order."""
        text = json.dumps(self._document(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def is_named(self, fingerprint: str) -> bool:
        """Whether a fingerprint is that of this vocabulary or of leading scales; empty is any."""
        return fingerprint in ("", self.fingerprint) or any(
            Vocabulary(self.scales[:count]).fingerprint == fingerprint
            for count in range(1, len(self.scales))
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.scales == other.scales

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"Vocabulary(sizes={self.sizes}, fingerprint={self.fingerprint!r})"

    def save(self, path: str | PathLike) -> None:
        """Writes ``vocabulary.json``; equal scales are written once."""
        text = json.dumps(self._document(), ensure_ascii=False, separators=(",", ":"))
        atomic.write_bytes(path, text.encode() + b"\n")

    @classmethod
    def load(cls, path: str | PathLike) -> Vocabulary:
        """Reads ``vocabulary.json``.

        Raises:
            VocabularyError: missing, damaged, from a newer version, or not a vocabulary.
        """
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
            if document["format"] > FORMAT:
                raise VocabularyError(f"{path} is from a newer version; update llm-codec")
            return cls([document["lists"][index] for index in document["scales"]])
        except OSError as error:
            raise VocabularyError(f"{path} cannot be read ({error.strerror})") from error
        except (KeyError, IndexError, TypeError, json.JSONDecodeError, UnicodeError) as error:
            raise VocabularyError(f"{path} is not a vocabulary.json") from error

    def bind(self, tokenizer: Any, config: CodecConfig | None = None) -> BoundVocabulary:
        """Spells every entry with ``tokenizer`` and proves that the spelling can be undone.

        Args:
            tokenizer: any Hugging Face tokenizer.
            config: units of the codec, for codes that are parsed from ids. None takes the
                standard ones: hop 480 at 16 kHz, each scale twice as fast as the one before.

        Raises:
            VocabularyError: names the first entry that the tokenizer cannot spell, or two entries
                it cannot tell apart.
        """
        return BoundVocabulary(self, tokenizer, config)

    def _document(self) -> dict[str, Any]:
        lists = list(dict.fromkeys(self.scales))
        return {"format": FORMAT, "lists": lists, "scales": [*map(lists.index, self.scales)]}
