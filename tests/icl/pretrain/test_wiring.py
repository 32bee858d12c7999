"""A wired model looks back, compares and copies before any training."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from icl.pretrain.meaning import starting_embeddings
from icl.pretrain.model import batch_loss, build_model
from icl.pretrain.wiring import GATHER, add_constant, wire

SIZE = 400


def build(width: int = 128, wired: bool = True) -> LlamaForCausalLM:
    """A two-layer model over random words."""
    vectors = np.random.default_rng(0).standard_normal((SIZE, width)).astype(np.float32)
    embeddings = add_constant(starting_embeddings(vectors, core=12))
    model = build_model(embeddings, 2, 4, 64, 256, bos=1, eos=2, pad=0, seed=0).eval()
    if wired:
        wire(model)
    return model


def words(rows: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(3, SIZE, (rows, length), generator=generator)


def test_the_constant_is_one_direction_of_the_asked_share():
    values = np.random.default_rng(0).standard_normal((200, 32)).astype(np.float32)
    added = add_constant(values, share=0.5)
    assert added.shape == values.shape and added.dtype == np.float32
    _, sizes, directions = np.linalg.svd(added - values, full_matrices=False)
    assert sizes[1] < 1e-3 * sizes[0]  # only one direction is touched
    along = added @ directions[0]
    across = added - np.outer(along, directions[0])
    assert np.allclose(along, along[0], atol=1e-4)
    assert abs(along[0]) == pytest.approx(0.5 * np.linalg.norm(across, axis=1).mean(), rel=1e-3)


def test_gathering_heads_look_back_as_many_tokens_as_they_say():
    model = build()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        first = model(input_ids=words(8, 40), output_attentions=True).attentions[0]
    places = torch.arange(10, 40)
    for head, (back, *_) in enumerate(GATHER):
        weights = [first[:, head, places, places - distance].mean() for distance in range(10)]
        assert torch.stack(weights).argmax() == back, f"head {head}"
    for head, (back, *_) in enumerate(GATHER[:2]):  # these look at one token alone
        looked = places - first[:, head, 10:].argmax(dim=-1)
        assert (looked == back).float().mean() > 0.75, f"head {head}"


@pytest.mark.parametrize("width", [96, 128])
def test_a_wired_model_repeats_better_than_an_unwired_one(width):
    half = words(8, 24)
    repeated, fresh = torch.cat((half, half), dim=1), words(8, 48)
    wired, plain, without = (
        judged(build(width, wired), ids)
        for wired, ids in ((True, repeated), (False, repeated), (True, fresh))
    )
    # the loss moves little while the logits are small; what counts is who comes first
    assert wired.loss < min(plain.loss, without.loss) - 0.05
    assert wired.rank < 0.8 * min(plain.rank, without.rank)


class Judged(NamedTuple):
    loss: float  # nats per word
    rank: float  # mean place of the right word among all, 0 is first


def judged(model: LlamaForCausalLM, ids: torch.Tensor) -> Judged:
    """How well words from the 29th on are foretold: by then the repetition is clear."""
    target = torch.zeros_like(ids, dtype=torch.bool)
    target[:, 28:] = True
    with torch.no_grad():
        logits = model(input_ids=ids).logits[:, 27:-1]
        right = logits.gather(-1, ids[:, 28:, None])
        rank = (logits > right).sum(-1).float().mean().item()
        return Judged(batch_loss(model, ids, target).item(), rank)


def test_wiring_touches_attention_of_two_layers_and_the_last_norm():
    plain, wired = (dict(build(wired=w).named_parameters()) for w in (False, True))
    changed = {name for name in plain if not torch.equal(plain[name], wired[name])}
    attention = {
        f"model.layers.{layer}.self_attn.{part}_proj.weight" for layer in (0, 1) for part in "qkvo"
    }
    assert changed == attention | {"model.norm.weight"}
