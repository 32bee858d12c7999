"""Perplexity on prose that was never trained on."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from tqdm import tqdm

from icl.llm.transformers import TransformersLLM
from icl.pretrain.text import HELD_OUT, is_held_out, read_documents, text_files

LONGEST = 512  # tokens read at once
FEWEST_WORDS = 20


def perplexity(llm: TransformersLLM, folder: Path, words: int) -> dict[str, float]:
    """Perplexity per word, which models of different tokenizers share, and per token.

    Args:
        llm: its log-likelihoods are taken document by document, the first `LONGEST` tokens.
        folder: of text files; one document in fifty of each is held out of pre-training.
        words: blank-separated words to read, spread evenly over the files.

    Returns:
        ``"perplexity a word"``, ``"perplexity a token"``, ``"words"``.

    Raises:
        FileNotFoundError: the folder has no text files.
        ValueError: a file is damaged, or no held-out document is long enough.
    """
    nats, read, tokens = 0.0, 0, 0
    files = text_files(folder)
    for path in tqdm(files, desc="prose", disable=None, leave=False):
        of_file = 0
        held = [text for n, text in enumerate(read_documents(path)) if is_held_out(n)]
        for text in held:
            if of_file >= words / len(files):
                break
            count, loss, size = _read(llm, text)
            nats, of_file, tokens = nats + loss, of_file + count, tokens + size
        read += of_file
    if not read:
        raise ValueError(
            f"{folder} has no held-out document of {FEWEST_WORDS} words or more; one document in "
            f"{HELD_OUT} of each file is held out: give more text"
        )
    return {"perplexity a word": math.exp(nats / read), "words": float(read),
            "perplexity a token": math.exp(nats / tokens)}


@torch.inference_mode()
def _read(llm: TransformersLLM, text: str) -> tuple[int, float, int]:
    """Words of the beginning of a text, their nats, and its tokens."""
    tokenizer, model = llm.tokenizer, llm.model
    ids = tokenizer.encode(text, add_special_tokens=False)[:LONGEST]
    count = len(tokenizer.decode(ids).split())
    if count < FEWEST_WORDS:
        return 0, 0.0, 0
    start = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else ids[:1]
    given = torch.tensor([[*start, *ids]], device=model.device)
    logits = model(input_ids=given[:, :-1]).logits[0].float()
    loss = torch.nn.functional.cross_entropy(logits, given[0, 1:], reduction="sum")
    return count, loss.item(), len(ids)
