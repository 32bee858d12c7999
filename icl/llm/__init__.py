"""Backends: an unchanged language model behind two verbs, `score` and `generate`.

They speak token ids only; audio and text stay outside. A backend's module is imported when it is
needed, so that none costs anything before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from icl.constraint import Grammar
from icl.llm.base import LLM
from icl.llm.sampling import Sampling

__all__ = ["LLM", "Grammar", "Sampling", "as_llm"]


def as_llm(given: Any, tokenizer: Any = None) -> LLM:
    """An `LLM` of whatever a user may name.

    Args:
        given: a preset, a folder, a hub id, a loaded transformers model, the address of a
            completions server (``http://host:port/v1``, with ``#model`` behind it where the server
            has several), or an `LLM`.
        tokenizer: what goes with it, loaded or by name; None takes the model's own.

    Raises:
        OSError, ValueError: there is no such model, or a model does not name its tokenizer.
        ServerError: no server answers there, or not as one should.
    """
    if isinstance(given, LLM):
        if tokenizer is not None:
            raise ValueError(f"a {type(given).__name__} has a tokenizer; give it there, not beside")
        return given
    if isinstance(given, str) and given.startswith(("http://", "https://")):
        from icl.llm.server import connect

        return connect(given, load_tokenizer(tokenizer))
    from icl.llm.transformers import TransformersLLM

    if isinstance(given, str | Path):
        return TransformersLLM.load(given, tokenizer=load_tokenizer(tokenizer))
    source = getattr(getattr(given, "config", None), "name_or_path", None)
    if not source and tokenizer is None:
        raise ValueError(
            f"a {type(given).__name__} does not name its tokenizer; give a preset, a folder, a hub "
            "id, a model loaded from one of these, or TransformersLLM(model, tokenizer)"
        )
    return TransformersLLM(given, load_tokenizer(tokenizer or source))


def load_tokenizer(given: Any) -> Any:
    """A tokenizer of a folder or hub id; one that is loaded, or None, is passed through.

    Raises:
        OSError, ValueError: there is none, or it is damaged.
    """
    if not isinstance(given, str | Path):
        return given
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(given)
    except (OSError, ValueError, ImportError):
        raise
    except Exception as error:  # the tokenizers library raises no other kind
        raise ValueError(f"{given}: the tokenizer is damaged ({error!r})") from error
