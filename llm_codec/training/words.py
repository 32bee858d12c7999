"""The words a codec is trained around, and their frozen embeddings."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from llm_codec import checkpoint
from llm_codec.vocabulary import Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


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


def load_llm(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal LM in float32 and eval mode, and its tokenizer.

    Args:
        name: preset, folder or hub name.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer  # heavy, and only needed here

    folder = checkpoint.resolve(name, "llm")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


def read_words(
    name: str, sizes: Sequence[int], allowed: Collection[str] | None = None
) -> FrozenWords:
    """Take the first whole lower-case words of an LLM's vocabulary, ``sizes[k]`` for scale k.

    Token ids of most tokenizers run from common to rare; scales share words.

    Args:
        name: preset, folder or hub name of a causal LM.
        sizes: V_k of each scale.
        allowed: take none but these; words that are single tokens of many tokenizers make a codec
            that many LLMs can read. None allows all.

    Raises:
        ValueError: the LLM has fewer such words.
    """
    model, tokenizer = load_llm(name)
    table = model.get_input_embeddings().weight.detach()
    pairs = [(word, token) for token in range(len(tokenizer))
             if (word := whole_word(tokenizer, token)) and (allowed is None or word in allowed)]
    if len(pairs) < max(sizes):
        raise ValueError(f"{name} has {len(pairs)} whole lower-case words but a scale needs "
                         f"{max(sizes)}; ask for fewer words")
    words, ids = zip(*pairs, strict=True)
    return FrozenWords([table[list(ids[:size])].clone() for size in sizes],
                       Vocabulary([list(words[:size]) for size in sizes]),
                       checkpoint.fingerprint({"embeddings": table}))


def whole_word(tokenizer, token: int) -> str | None:
    """The lower-case word a token spells with its leading space, if it maps back to the token."""
    text = tokenizer.decode([token])
    if not re.fullmatch(r" [a-z]{2,}", text):
        return None
    return text[1:] if tokenizer.encode(text, add_special_tokens=False) == [token] else None
