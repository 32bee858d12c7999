"""What a text comes to: the language model is asked in text before it is asked for sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from icl.llm import LLM
from icl.spoken import spoken

QUESTION = " {text} ="


def beginning(tokenizer: Any) -> list[int]:
    """Token ids that every question begins with."""
    return [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]


def resolve(llm: LLM, tokenizer: Any, text: str, known: Sequence[str]) -> str:
    """One of some texts, that which the language model goes on with after ``text =``.

    Ours, after chain-of-thought prompting (arXiv 2201.11903): a small model that is asked for the
    sound of ``1 + 1`` would have to add and to look up at once; asked twice, it does one at a time.
    Digits and signs are read out, ``one plus one``, since words are what it knows best.

    Args:
        llm: a language model.
        tokenizer: of it.
        text: what is asked about; one that is known, or is read as one, is that.
        known: texts that it may come to.

    Returns:
        the one of the highest mean log-likelihood a token, the first of equal ones.
    """
    known = [*dict.fromkeys(known)]
    if alike := [one for one in known if spoken(one) == spoken(text)]:
        return alike[0]
    asked, *answers = tokenizer(
        [QUESTION.format(text=spoken(text)), *(f" {spoken(one)}" for one in known)],
        add_special_tokens=False,
    )["input_ids"]
    scores = llm.score([*beginning(tokenizer), *asked], answers)
    means = [score / len(ids) for score, ids in zip(scores, answers, strict=True)]
    return known[means.index(max(means))]
