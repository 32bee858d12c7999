"""The words a codec is trained around, and their frozen embeddings."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from llm_codec import checkpoint
from llm_codec.causal import load_model, load_tokenizer
from llm_codec.vocabulary import Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

KINDS = ("words", "portable", "whole")
MOST = (1024, 3584, 3584)  # words a scale where none are asked for: under 0.75 kbit/s
_SPACES = "Ġ▁"  # what tokens begin with that stand for a word with its space


@dataclass(frozen=True)
class FrozenWords:
    """What codec training takes from an LLM.

    Args:
        embeddings: K tensors (V_k, E) float32, rows of the LLM's input embeddings.
        vocabulary: the words of the rows.
        llm: fingerprint of the embeddings, to tell later which LLM they came from.
    """

    embeddings: list[Tensor]
    vocabulary: Vocabulary
    llm: str


def read_word_list(path: Path) -> list[str]:
    """Words of a list: first column of a tab-separated file, ``#`` lines and a header left out."""
    rows = [line.split("\t")[0] for line in path.read_text("utf-8").splitlines()]
    return [word for word in rows if word and not word.startswith("#") and word != "word"]


def allowed_words(kind: str, word_list: str) -> set[str] | None:
    """Words that a recipe allows: those of its list, the portable ones, or None for all.

    Portable words are single tokens of many public tokenizers; they are the pocket codec's.
    """
    if word_list:
        return set(read_word_list(Path(word_list)))
    if kind != "portable":
        return None
    words = checkpoint.load_words(checkpoint.resolve("pocket"))
    return {str(word) for scale in words.scales for word in scale}


def load_llm(
    name: str, dtype: torch.dtype | str = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal LM in eval mode, and its tokenizer.

    Args:
        name: preset, folder or hub name.
        dtype: of its weights; ``"auto"`` keeps what they are stored in.
    """
    folder = checkpoint.resolve(name, "llm")
    return load_model(folder, dtype).eval(), load_tokenizer(folder)


def read_words(
    name: str, sizes: Sequence[int] | None = None, allowed: Collection[str] | None = None,
    whole: bool = False, scales: int = 3,
) -> FrozenWords:
    """Take the first whole lower-case words of an LLM's vocabulary, ``sizes[k]`` for scale k.

    Token ids of most tokenizers run from common to rare; scales share words.

    Args:
        name: preset, folder or hub name of a causal LM.
        sizes: V_k of each scale; None takes `MOST`, or what there is.
        allowed: take none but these; words that are single tokens of many tokenizers make a codec
            that many LLMs can read. None allows all.
        whole: take every token but the special ones, word or not, by its id.
        scales: K, where there are no ``sizes``.

    Raises:
        ValueError: the LLM has fewer such words.
    """
    model, tokenizer = load_llm(name, "auto")
    table = model.get_input_embeddings().weight.detach().float()
    if whole:
        pairs = [(token, token) for token in _plain_tokens(tokenizer, len(table))]
    else:
        pairs = [(word, token) for word, token in whole_words(tokenizer)
                 if token < len(table) and (allowed is None or word in allowed)]
    sizes = tuple(sizes or _sizes(len(pairs), whole, scales))
    if not pairs or len(pairs) < max(sizes):
        kind = "tokens" if whole else "whole lower-case words"
        raise ValueError(f"{name} has {len(pairs)} {kind} but a scale needs "
                         f"{max(1, *sizes)}; ask for fewer words")
    words, ids = zip(*pairs, strict=True)
    return FrozenWords([table[list(ids[:size])].clone() for size in sizes],
                       Vocabulary([list(words[:size]) for size in sizes]),
                       checkpoint.fingerprint({"embeddings": table}))


def _sizes(count: int, whole: bool, scales: int) -> tuple[int, ...]:
    """All tokens at every scale, or the usual number of words, as far as there are any."""
    if whole:
        return (count,) * scales
    return tuple(min(MOST[min(scale, len(MOST) - 1)], count) for scale in range(scales))


def _plain_tokens(tokenizer: Any, rows: int) -> list[int]:
    """Ids that have an embedding and a name, and end or begin nothing."""
    size = min(len(tokenizer), rows)
    names, special = tokenizer.convert_ids_to_tokens(range(size)), set(tokenizer.all_special_ids)
    return [token for token in range(size) if names[token] is not None and token not in special]


def whole_words(tokenizer: Any) -> list[tuple[str, int]]:
    """Lower-case words that are one token with the space before them, and the token, by its id.

    Each is spelled as it stands inside a text, after another word, since some tokenizers put a
    space of their own before a text.
    """
    names = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    found = [(name[1:], token) for token, name in enumerate(names)
             if name and re.fullmatch(f"[{_SPACES}][a-z]{{2,}}", name)]
    if not found:
        return []
    before = found[0][0]
    first, *rows = tokenizer([before, *(f"{before} {word}" for word, _ in found)],
                             add_special_tokens=False)["input_ids"]
    return [(word, token) for (word, token), row in zip(found, rows, strict=True)
            if row == [*first, token]]
