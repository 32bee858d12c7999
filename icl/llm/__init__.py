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
        OSError, ValueError: there is no such model.
    """
    if isinstance(given, LLM):
        return given
    from icl.llm.transformers import TransformersLLM

    if isinstance(given, str | Path):
        return TransformersLLM.load(given)
    from transformers import AutoTokenizer

    return TransformersLLM(given, AutoTokenizer.from_pretrained(given.config.name_or_path))
