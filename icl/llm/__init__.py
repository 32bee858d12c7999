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
    if tokenizer is None:
        return TransformersLLM(given, load_tokenizer(source, own=True))
    return TransformersLLM(given, load_tokenizer(tokenizer))


def load_tokenizer(given: Any, own: bool = False) -> Any:
    """A tokenizer of a preset, folder or hub id; one that is loaded, or None, is passed through.

    Args:
        given: what a user names, or a tokenizer.
        own: this is what a model calls itself; old hub ids have no owner.

    Raises:
        ValueError: there is none, or it is damaged.
    """
    if not isinstance(given, str | Path):
        return given
    from llm_codec import causal, checkpoint

    name, folder = str(given), Path(given).expanduser()
    known = name in checkpoint.PRESETS or folder.is_dir()
    # Of a hub id, `resolve` would fetch the weights too.
    hub_id = not known and (own or name.count("/") == 1 and not folder.is_absolute())
    try:
        return causal.load_tokenizer(name if hub_id else checkpoint.resolve(given, "llm"))
    except checkpoint.CheckpointError as error:
        raise ValueError(f"{name} is no tokenizer folder or hub id; expected a preset "
                         f"({', '.join(checkpoint.PRESETS)}), a folder, or owner/name") from error
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{name} is no tokenizer folder or hub id that can be read: {reason}"
        ) from error
