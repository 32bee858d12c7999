"""Causal language models of transformers and their tokenizers, read whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_model(folder: str | Path, dtype: torch.dtype | str) -> PreTrainedModel:
    """A causal language model with all of its weights.

    Args:
        folder: folder or hub id.
        dtype: of its weights; ``"auto"`` keeps what they are stored in.

    Raises:
        OSError, ValueError: there is no such model, it is damaged, or weights are missing.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM  # heavy, and only needed here

    try:
        model, found = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, output_loading_info=True
        )
    except SafetensorError as error:
        raise ValueError(f"{folder}: the weights are damaged ({error})") from error
    if lacking := sorted(found["missing_keys"]):  # they would be random
        raise ValueError(f"{folder} lacks {len(lacking)} of the model's weights, {lacking[0]} "
                         "among them; is it a causal language model, and all of it?")
    return model


def load_tokenizer(name: str | Path) -> Any:
    """A tokenizer of a folder or hub id.

    Raises:
        OSError, ValueError: there is none, or it is damaged.
    """
    from transformers import AutoTokenizer  # heavy, and only needed here

    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, ImportError):
        raise
    except Exception as error:  # the tokenizers library raises no other kind
        raise ValueError(f"{name}: the tokenizer is damaged ({error!r})") from error
