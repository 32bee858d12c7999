"""Text vectors: what a clip's transcript or label means, as one vector, computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from tqdm import tqdm

Encode = Callable[[str], Tensor]
MAX_TOKENS = 77  # of a text, as the released model trains with


def spoken(row: Mapping[str, str]) -> str:
    """What a manifest's row says in words: its transcript, else its label; empty without both."""
    return row.get("transcript") or row["label"].replace("_", " ")


def text_vectors(texts: Sequence[str], encode: Encode) -> Tensor:
    """A vector for each text, (N, E) float32; rows of empty texts are NaN.

    Each distinct text is encoded once. The vectors are then centred over the distinct texts and
    divided by their overall standard deviation (ours: encoders differ by orders of magnitude in
    scale, and much of a mean over tokens is common to all texts), so that one weight of the loss
    serves them all.

    Raises:
        ValueError: fewer than two distinct texts: they say nothing about the clips.
    """
    distinct = sorted({text for text in texts if text})
    if len(distinct) < 2:
        raise ValueError(f"the clips have {len(distinct)} different transcripts and labels, but "
                         "the semantic loss needs two; give it weight 0")
    vectors = torch.stack([encode(text) for text in tqdm(distinct, desc="texts", disable=None)])
    vectors = vectors - vectors.mean(dim=0)
    vectors = vectors / vectors.std().clamp_min(1e-8)
    rows = dict(zip(distinct, vectors, strict=True))
    return torch.stack([rows.get(text, torch.full_like(vectors[0], torch.nan)) for text in texts])


def t5_encoder(name: str) -> Encode:
    """Mean over the tokens of a T5 encoder's output, as published (arXiv 2406.10056, §3.4).

    Args:
        name: folder or hub name of a T5.
    """
    from transformers import AutoTokenizer, T5EncoderModel  # heavy, and only needed here

    tokenizer = AutoTokenizer.from_pretrained(name)
    model = T5EncoderModel.from_pretrained(name, dtype=torch.float32).eval()

    @torch.no_grad()
    def encode(text: str) -> Tensor:
        tokens = tokenizer(text, return_tensors="pt", truncation=True, max_length=MAX_TOKENS)
        output = model(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
        return output.last_hidden_state[0].mean(dim=0)

    return encode


def embedding_encoder(embeddings: Tensor, tokenizer) -> Encode:
    """Mean of the frozen LLM's own input embeddings of a text's tokens.

    Args:
        embeddings: the LLM's table, one row a token id.
        tokenizer: the LLM's; a text is spelt as after another word, as the codec's words are.
    """
    before = tokenizer.encode("a", add_special_tokens=False)  # some put a space of their own first

    def encode(text: str) -> Tensor:
        ids = tokenizer.encode(f"a {text}", add_special_tokens=False)[len(before) :][:MAX_TOKENS]
        return embeddings[ids].float().mean(dim=0)

    return encode
