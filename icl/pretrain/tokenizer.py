"""The pocket tokenizer: whole words where a codec needs them, bytes for everything else."""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPACE = "Ġ"  # how byte-level alphabets spell the leading space
SPECIAL = PAD, BOS, EOS = "<pad>", "<s>", "</s>"


def build_tokenizer(
    documents: Sequence[str],
    words: Sequence[str],
    num_words: int,
    size: int,
    marks: Sequence[str] = (),
) -> PreTrainedTokenizerFast:
    """Unigram tokenizer over bytes in which the commonest ``num_words`` words are single tokens.

    Byte-level, so every Unicode text survives a round trip; digits are always alone. The pieces
    beside the words are those that byte-pair merging finds first in the text.

    Args:
        documents: text that word and piece counts are taken from.
        words: candidate words; each becomes one token with a leading space.
        num_words: how many of them to take, commonest first.
        size: most entries in all, special tokens and 256 bytes included.
        marks: strings that prompts are framed with, kept whole (" =" and the like).

    Raises:
        ValueError: the words do not fit, or a chosen one does not come out as one token.
    """
    counts = _piece_counts(documents)
    chosen = sorted(words, key=lambda word: (-counts[SPACE + word], word))[:num_words]
    pieces = {SPACE + word for word in chosen} | {mark.replace(" ", SPACE) for mark in marks}
    room = size - len(pre_tokenizers.ByteLevel.alphabet()) - len(SPECIAL)
    if len(pieces) > room:
        raise ValueError(f"{len(pieces)} words and marks do not fit: {size} entries leave {room}")
    for piece in _common_pieces(counts, size):
        if len(pieces) == room:
            break
        pieces.add(piece)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    common_first = sorted(pieces - set(alphabet), key=lambda piece: (-counts[piece], piece))
    tokenizer = _assemble(alphabet, common_first, counts)
    _check_words(tokenizer, chosen)
    return tokenizer


def _pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    digits = pre_tokenizers.Digits(individual_digits=True)
    return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])


def _piece_counts(documents: Iterable[str]) -> collections.Counter[str]:
    counts: collections.Counter[str] = collections.Counter()
    split = _pre_tokenizer()
    for document in documents:
        counts.update(piece for piece, _ in split.pre_tokenize_str(document))
    return counts


def _common_pieces(counts: collections.Counter[str], size: int) -> list[str]:
    """Byte-pair pieces of the text, in the order in which they were merged."""
    model = Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    common = [piece for piece, count in counts.most_common(60_000) if count > 4]
    repeated = (" ".join([piece] * max(1, int(math.sqrt(counts[piece])))) for piece in common)
    model.train_from_iterator(repeated, trainer)
    vocabulary = model.get_vocab()
    return [p for p in sorted(vocabulary, key=vocabulary.get) if len(p) > 1]


def _assemble(
    alphabet: list[str], pieces: list[str], counts: collections.Counter[str]
) -> PreTrainedTokenizerFast:
    total = sum(counts.values())

    # A whole word must beat any two of its parts, so parts that never stand alone are dear.
    def score(piece: str) -> float:
        return 0.5 * math.log((counts[piece] + 0.5) / total) - (0 if piece[0] == SPACE else 6)

    entries = [(token, 0.0) for token in SPECIAL]
    entries += [(byte, -30.0) for byte in alphabet] + [(piece, score(piece)) for piece in pieces]
    backend = Tokenizer(models.Unigram(entries, unk_id=None, byte_fallback=False))
    backend.pre_tokenizer = _pre_tokenizer()
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=BOS, eos_token=EOS, pad_token=PAD,
        clean_up_tokenization_spaces=False, model_max_length=2048,
    )


def _check_words(tokenizer: PreTrainedTokenizerFast, words: Sequence[str]) -> None:
    def pieces(word: str) -> int:
        return len(tokenizer.encode(" " + word, add_special_tokens=False))

    if split := [word for word in words if pieces(word) != 1]:
        raise ValueError(f"{len(split)} words are not single tokens, among them {split[:5]}")
