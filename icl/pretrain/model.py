"""The pocket language model: a small Llama and where its weights start."""

from __future__ import annotations

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from icl.pretrain.wired_layer import HEAD_DIM, THETA
from icl.pretrain.wiring import HEADS


def build_model(
    embeddings: np.ndarray,
    layers: int,
    hidden: int,
    context: int,
    bos: int,
    eos: int,
    pad: int,
    seed: int,
) -> LlamaForCausalLM:
    """A Llama around given embeddings, which stay as they are; the rest starts at random.

    Args:
        embeddings: (V, E) float32.
        layers, hidden: blocks, width of the feed-forward part.
        context: longest text in tokens.
        bos, eos, pad: special token ids.
        seed: of every other weight; the global random state stays as it is.
    """
    vocabulary, width = embeddings.shape
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=width, intermediate_size=hidden,
        num_hidden_layers=layers, num_attention_heads=HEADS, num_key_value_heads=HEADS,
        head_dim=HEAD_DIM, max_position_embeddings=context, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": THETA},
        bos_token_id=bos, eos_token_id=eos, pad_token_id=pad,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(torch.from_numpy(embeddings))
    model.get_input_embeddings().requires_grad_(False)  # strings are drawn in this very space
    return model


class LossModel(torch.nn.Module):
    """A language model that gives its loss: what several processes can share the work of.

    Args:
        model: the model.
    """

    def __init__(self, model: LlamaForCausalLM) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of the target tokens, every text of the same weight.

        A label is one token among hundreds of copied ones; counted by tokens it would hardly be
        learned. Logits are computed only where they count.

        Args:
            input_ids: (B, L) int64.
            target: (B, L) bool, False at position 0; without any True the loss is 0.

        Returns:
            () float32, nats per token: the mean over texts of the mean over a text's targets.
        """
        states = self.model.model(input_ids[:, :-1]).last_hidden_state
        wanted = target[:, 1:]
        logits = self.model.lm_head(states[wanted])
        losses = torch.nn.functional.cross_entropy(
            logits.float(), input_ids[:, 1:][wanted], reduction="none"
        )
        counts = wanted.sum(dim=1)
        weights = 1.0 / counts.clamp_min(1).repeat_interleave(counts)
        return (losses * weights).sum() / (counts > 0).sum().clamp_min(1)
