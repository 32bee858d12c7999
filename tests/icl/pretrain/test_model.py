"""The pocket model is a plain Llama that starts from given vectors and fits in its budget."""

from pathlib import Path

import numpy as np
import pytest
import torch

import icl.pretrain
from icl.pretrain.config import PretrainConfig
from icl.pretrain.model import LossModel, build_model

SHAPE = {"layers": 2, "hidden": 24, "context": 64, "bos": 1, "eos": 2, "pad": 0}


@pytest.fixture
def embeddings() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((50, 16)).astype(np.float32)


def test_the_model_starts_from_the_vectors_and_keeps_them(embeddings):
    model = build_model(embeddings, **SHAPE, seed=0)
    table = model.get_input_embeddings().weight
    assert not table.requires_grad and model.get_output_embeddings().weight.requires_grad
    assert np.array_equal(table.detach().numpy(), embeddings)
    config = model.config
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (1, 2, 0)
    assert config.max_position_embeddings == 64


def test_the_seed_decides_the_other_weights_and_leaves_the_global_one(embeddings):
    before = torch.get_rng_state()
    one, same, other = (build_model(embeddings, **SHAPE, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    first, again, third = (m.model.layers[0].mlp.up_proj.weight for m in (one, same, other))
    assert torch.equal(first, again) and not torch.equal(first, third)


def test_the_loss_is_that_of_the_targets_and_every_text_weighs_the_same(embeddings):
    model = build_model(embeddings, **SHAPE, seed=0)
    ids = torch.randint(3, 50, (3, 12), generator=torch.Generator().manual_seed(0))
    target = torch.zeros(3, 12, dtype=torch.bool)
    target[0, 5] = target[2, 1] = target[2, 11] = True
    log_probs = model(input_ids=ids).logits.log_softmax(-1)
    wanted = [(0, 5, 1.0), (2, 1, 0.5), (2, 11, 0.5)]
    expected = -sum(w * log_probs[row, at - 1, ids[row, at]] for row, at, w in wanted) / 2
    assert LossModel(model)(ids, target).item() == pytest.approx(expected.item(), rel=1e-5)
    assert LossModel(model)(ids, torch.zeros_like(target)).item() == 0


def test_the_shipped_recipe_stays_below_16_mib_in_half_precision():
    recipe = PretrainConfig.load(Path(icl.pretrain.__file__).with_name("pocket.json"))
    size = (recipe.vocabulary_size, recipe.width)
    model = build_model(
        np.zeros(size, dtype=np.float32), recipe.layers, recipe.hidden,
        recipe.context, 1, 2, 0, seed=0,
    )  # fmt: skip
    assert 2 * model.num_parameters() <= 16 * 2**20 - 65536  # the header takes a little
    assert recipe.context >= 2048
