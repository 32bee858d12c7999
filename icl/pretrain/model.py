"""The pocket language model: a small Llama and where its weights start."""

from __future__ import annotations

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM


def build_model(
    embeddings: np.ndarray,
    layers: int,
    heads: int,
    hidden: int,
    context: int,
    bos: int,
    eos: int,
    pad: int,
    seed: int,
) -> LlamaForCausalLM:
    """A Llama with tied embeddings that starts from given word vectors.

    Args:
        embeddings: (V, E) float32.
        layers, heads, hidden: blocks, attention heads, width of the feed-forward part.
        context: longest text in tokens.
        bos, eos, pad: special token ids.
        seed: of every other weight; the global random state stays as it is.
    """
    vocabulary, width = embeddings.shape
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=width, intermediate_size=hidden,
        num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=heads,
        max_position_embeddings=context, tie_word_embeddings=True,
        bos_token_id=bos, eos_token_id=eos, pad_token_id=pad,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(torch.from_numpy(embeddings))
    return model


def batch_loss(
    model: LlamaForCausalLM, input_ids: torch.Tensor, target: torch.Tensor
) -> torch.Tensor:
    """Mean cross-entropy of the target tokens; logits are computed only where they count.

    Args:
        model: the model.
        input_ids: (B, L) int64.
        target: (B, L) bool, False at position 0 and True somewhere.

    Returns:
        () float32, nats per token.
    """
    states = model.model(input_ids[:, :-1]).last_hidden_state
    wanted = target[:, 1:]
    logits = model.lm_head(states[wanted])
    return torch.nn.functional.cross_entropy(logits.float(), input_ids[:, 1:][wanted])
