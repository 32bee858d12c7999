"""Backends: an unchanged language model behind two verbs, `score` and `generate`.

They speak token ids only; audio and text stay outside. A backend's module is imported when it is
needed, so that none costs anything before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from icl.llm.base import LLM, Grammar

__all__ = ["LLM", "Grammar", "as_llm"]


def as_llm(given: Any) -> LLM:
    """An `LLM` of whatever a user may name: a preset, folder, hub id, transformers model or `LLM`.

    Raises:
        OSError, ValueError: there is no such model, or a model does not name its tokenizer.
    """
    if isinstance(given, LLM):
        return given
    from icl.llm.transformers import TransformersLLM

    if isinstance(given, str | Path):
        return TransformersLLM.load(given)
    from transformers import AutoTokenizer

    source = getattr(getattr(given, "config", None), "name_or_path", None)
    if not source:
        raise ValueError(
            f"a {type(given).__name__} does not name its tokenizer; give a preset, a folder, a hub "
            "id, a model loaded from one of these, or TransformersLLM(model, tokenizer)"
        )
    return TransformersLLM(given, AutoTokenizer.from_pretrained(source))
