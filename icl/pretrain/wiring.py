"""Starting weights that already look back, compare and copy; training refines them.

In-context learning needs two layers to agree: one that gathers what stands nearby, one that
compares it with what was gathered elsewhere and copies what it finds (Olsson et al. 2022,
arXiv 2209.11895). From random weights a small model finds this late and suddenly. Ours: start
there, in the spirit of Trockman & Kolter (2023, arXiv 2305.09828), so that a short run on two
processor cores is spent on matching well instead of on discovering that one can match.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from transformers import LlamaForCausalLM

SLOT = 24  # directions of the embedding space that one gathering head carries along
# (tokens back, rotary frequencies used, sharpness) of each head of the first layer. The first two
# look at one token; the others spread over a few around theirs, as takes of a sound differ in pace.
GATHER = (
    (1.0, (0, 1, 2, 3), 160.0),
    (2.0, (0, 1, 2, 3), 160.0),
    (3.0, (2, 3, 4), 30.0),
    (5.0, (3, 4, 5), 40.0),
)
GAIN = 1.6  # of queries and keys that compare; enough for the best match to stand out
COMPARE = ((None, 0), (2, 2), (3, 3), (None, None))  # (query, key): a head's slot, None: the word


def add_constant(embeddings: np.ndarray, share: float = 0.5) -> np.ndarray:
    """Give all (V, E) embeddings one common component: what positional heads can hold on to.

    Args:
        embeddings: (V, E) float32.
        share: norm of the common component in units of a typical embedding's norm.
    """
    constant = _constant(embeddings.shape[1])
    across = embeddings - np.outer(embeddings @ constant, constant)
    norm = np.linalg.norm(across, axis=1).mean()
    return (across + share * norm * constant).astype(np.float32)


def wire(model: LlamaForCausalLM) -> None:
    """Set attention of the first two layers, in place.

    Args:
        model: a Llama of two layers or more, four heads a layer, each head an even number of
            dimensions from SLOT up, its embeddings already set by `add_constant`.
    """
    weights = model.get_input_embeddings().weight.detach()
    width = weights.shape[1]
    directions = torch.linalg.svd(weights - weights.mean(dim=0), full_matrices=False).Vh
    word = directions[:SLOT]
    slots = [directions[SLOT * (1 + head) : SLOT * (2 + head)] for head in range(len(GATHER))]
    slots = [slot if len(slot) == SLOT else _spare(slot, width) for slot in slots]
    constant = torch.from_numpy(_constant(width)).float()
    with torch.no_grad():
        for layer in model.model.layers[:2]:
            for part in (layer.self_attn.q_proj, layer.self_attn.k_proj):
                part.weight.mul_(0.1)
        _gather(model.model.layers[0].self_attn, word, slots, constant)
        _compare(model.model.layers[1].self_attn, word, slots)
        model.model.norm.weight.fill_(2.0)


def _gather(attention, word: Tensor, slots: list[Tensor], constant: Tensor) -> None:
    size = attention.head_dim
    for head, (back, frequencies, sharpness) in enumerate(GATHER):
        rows = slice(head * size, (head + 1) * size)
        query, key = _looking_back(size, back, frequencies, sharpness)
        scale = 2.0 / len(constant) ** 0.5  # the constant is about half as long after RMS norm
        attention.q_proj.weight[rows] += torch.outer(query, constant) * scale
        attention.k_proj.weight[rows] += torch.outer(key, constant) * scale
        attention.v_proj.weight[rows][:SLOT] = word
        attention.o_proj.weight[:, rows][:, :SLOT] = slots[head].T * 0.02


def _compare(attention, word: Tensor, slots: list[Tensor]) -> None:
    size = attention.head_dim
    for head, (query, key) in enumerate(COMPARE):
        rows = slice(head * size, (head + 1) * size)
        slow = _slow_dimensions(size)[:SLOT]
        attention.q_proj.weight[rows][slow] = GAIN * (word if query is None else slots[query])
        attention.k_proj.weight[rows][slow] = GAIN * (word if key is None else slots[key])
        attention.v_proj.weight[rows][:SLOT] = word
        attention.o_proj.weight[:, rows][:, :SLOT] = word.T * 0.02


def _slow_dimensions(size: int) -> list[int]:
    """Head dimensions from the slowest rotary frequency up: distance blurs these least."""
    half = size // 2
    return [i for pair in range(half - 1, -1, -1) for i in (pair, pair + half)]


def _looking_back(
    size: int, back: float, frequencies: tuple[int, ...], sharpness: float
) -> tuple[Tensor, Tensor]:
    """Query and key whose rotary product peaks ``back`` tokens behind the query."""
    angles = back * 10_000.0 ** (-torch.arange(0, size, 2).float() / size)
    used = torch.zeros(size // 2)
    used[list(frequencies)] = (sharpness / len(frequencies)) ** 0.5
    key = torch.cat((used, torch.zeros(size // 2)))
    query = torch.cat((used * angles.cos(), -used * angles.sin()))
    return query, key


def _constant(width: int) -> np.ndarray:
    values = np.random.default_rng(2).standard_normal(width)
    return values / np.linalg.norm(values)


def _spare(slot: Tensor, width: int) -> Tensor:
    """A slot of full size where the directions run out: some are used twice."""
    generator = torch.Generator().manual_seed(3)
    extra = torch.randn(SLOT - len(slot), width, generator=generator)
    return torch.cat((slot, torch.nn.functional.normalize(extra, dim=-1)))
