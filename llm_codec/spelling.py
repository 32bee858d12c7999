"""Spelling: the token ids of every code of one scale, proven to be readable back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any


class VocabularyError(ValueError):
    """Words are no vocabulary, do not fit a tokenizer, or ids cannot be parsed back to codes."""


class Spelling:
    """Token ids of each code of one scale.

    Args:
        entries: words or raw ids, V of them.
        ids: token ids of each entry (or other items, such as words), in the same order.
        number: the scale, from 1, for messages.

    Raises:
        VocabularyError: two entries have the same ids.
    """

    def __init__(
        self, entries: Sequence[str | int], ids: Sequence[tuple], number: int
    ) -> None:
        self.entries = tuple(entries)
        self.ids = tuple(ids)
        self._codes: dict[tuple, int] = {}
        for code, spelled in enumerate(self.ids):
            first = self._codes.setdefault(spelled, code)
            if first != code:
                raise VocabularyError(
                    f"scale {number}: {entries[first]!r} and {entries[code]!r} are the same tokens "
                    f"{list(spelled)} in this tokenizer; use another LLM or other words"
                )
        self._lengths = sorted({len(spelled) for spelled in self.ids})

    @property
    def shortest(self) -> int:
        """Tokens of the shortest entry."""
        return self._lengths[0]

    @property
    def longest(self) -> int:
        """Tokens of the longest entry."""
        return self._lengths[-1]

    @property
    def fixed(self) -> bool:
        """All entries have the same number of tokens."""
        return self.shortest == self.longest

    def check(self, number: int, end_known: bool) -> None:
        """Proves that a row of entries can be cut back into entries in one way only.

        Either no entry begins with another one; or, if the end of the row is known, no token that
        begins an entry goes on inside one. The released vocabulary is of the second kind: "can"
        and "can" + "cel", where only whole words begin with a space.

        Raises:
            VocabularyError: neither holds; names two entries that can be confused.
        """
        clash = self._prefix_clash()
        if clash is None:
            return
        starts = {spelled[0] for spelled in self.ids}
        if end_known and not any(starts.intersection(spelled[1:]) for spelled in self.ids):
            return
        short, long = (self.entries[code] for code in clash)
        raise VocabularyError(
            f"scale {number}: in this tokenizer {long!r} begins with the tokens of {short!r}, so "
            "a row of words could be read in two ways; use another LLM or other words"
        )

    def read(
        self, stream: tuple, start: int, end: int, count: int
    ) -> tuple[list[int], int]:
        """Reads up to ``count`` entries of ``stream[start:end]``, the longest match each time.

        Returns:
            The codes read, and the position of the first token not read.
        """
        codes: list[int] = []
        while len(codes) < count and (code := self._match(stream, start, end)) is not None:
            codes.append(code)
            start += len(self.ids[code])
        return codes, start

    def _match(self, stream: tuple, start: int, end: int) -> int | None:
        for length in reversed(self._lengths):
            if start + length <= end:
                code = self._codes.get(stream[start : start + length])
                if code is not None:
                    return code
        return None

    def _prefix_clash(self) -> tuple[int, int] | None:
        """Codes of an entry and of a longer one that begins with it, or None."""
        for code, spelled in enumerate(self.ids):
            for length in self._lengths:
                if length < len(spelled) and spelled[:length] in self._codes:
                    return self._codes[spelled[:length]], code
        return None


def check_entries(number: int, entries: Sequence[str | int]) -> None:
    """Rejects a scale that has no entries, repeated ones, or ones that are no word and no id."""
    if not entries:
        raise VocabularyError(f"scale {number} has no words; expected at least one")
    for code, entry in enumerate(entries):
        if isinstance(entry, bool) or not isinstance(entry, (str, int)):
            raise VocabularyError(f"scale {number}, code {code}: {entry!r} is no word and no id")
        if entry.split() != [entry] if isinstance(entry, str) else entry < 0:
            raise VocabularyError(
                f"scale {number}, code {code}: {entry!r} is no entry; expected a word without "
                "spaces or a token id from 0 up"
            )
    entry, times = Counter(entries).most_common(1)[0]
    if times > 1:
        raise VocabularyError(f"scale {number} has {entry!r} {times} times; words must differ")


def spell(tokenizer: Any, entries: Sequence[str | int], number: int) -> Spelling:
    """Spells one scale and proves each entry by decoding it again.

    A word is spelled as it stands inside a text, after another word: tokenizers of the
    SentencePiece family put a space of their own before a text, so that the ids of " word" alone
    would hold two.

    Args:
        tokenizer: a Hugging Face tokenizer.
        entries: words or raw ids, V of them.
        number: the scale, from 1, for messages.

    Raises:
        VocabularyError: names the first entry that cannot be spelled, or two that are the same.
    """
    words = [entry for entry in entries if isinstance(entry, str)]
    spelled = dict(zip(words, _spell_words(tokenizer, words, number), strict=True))
    size = len(tokenizer)
    for code, entry in enumerate(entries):
        if isinstance(entry, int) and entry >= size:
            raise VocabularyError(
                f"scale {number}, code {code}: token id {entry} is not in this tokenizer, which "
                f"has {size}; use the LLM the codec was made for"
            )
    ids = [(entry,) if isinstance(entry, int) else spelled[entry] for entry in entries]
    return Spelling(entries, ids, number)


def _spell_words(tokenizer: Any, words: list[str], number: int) -> list[tuple[int, ...]]:
    """Ids of each word after a space, or VocabularyError naming the first that has none."""
    if not words:
        return []
    before = words[0]  # a word of the vocabulary, for it is surely made of known tokens
    texts = [before, *(f"{before} {word}" for word in words)]
    first, *rows = tokenizer(texts, add_special_tokens=False)["input_ids"]
    decoded, *texts = tokenizer.batch_decode([first, *rows], clean_up_tokenization_spaces=False)
    for word, row, text in zip(words, rows, texts, strict=True):
        ids = row[len(first) :]
        whole = row[: len(first)] == first and text == f"{decoded} {word}"
        if not ids or not whole or tokenizer.unk_token_id in ids:
            raise VocabularyError(
                f"scale {number}: this tokenizer cannot spell {' ' + word!r} and read it back "
                f"(it reads {text[len(decoded):]!r}); use another LLM or another codec"
            )
    return [tuple(row[len(first) :]) for row in rows]
