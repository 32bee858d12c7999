"""Loss terms: named by the recipe, built only with a weight, told only what they know."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from llm_codec.run import read_log
from llm_codec.training.objective import Objective
from llm_codec.training.terms import TERMS, build_terms, loss_names, wanted
from llm_codec.training.trainer import Trainer


def test_every_loss_has_one_term():
    names = loss_names()
    assert len(names) == len(set(names)) and {"mel", "stft", "commitment"} <= set(names)


def test_only_terms_with_a_weight_are_built(setting):
    built = build_terms(setting(weights={"mel": 1.0, "isotropy": 0.0, "commitment": 0.5}))
    assert [type(term).losses for term in built] == [("mel", "stft"), ("commitment",)]
    assert wanted({}) == []


@pytest.mark.parametrize("kind", TERMS, ids=lambda kind: kind.__name__)
def test_a_loss_that_is_off_is_neither_computed_nor_logged(recipe, words, kind):
    weights = {name: float(name not in kind.losses)
               for name in ("mel", "commitment", "isotropy", *kind.losses)}
    config = recipe(weights=weights, steps=5)
    Trainer(config, words).train()
    (last,) = (row for row in read_log(Path(config.out) / "train" / "log.jsonl")
               if row["kind"] == "train" and row["step"] == 4)
    assert set(last) & set(loss_names()) == {name for name, weight in weights.items() if weight}


def test_no_takes_are_drawn_where_no_term_asks(recipe, words):
    trainer = Trainer(recipe(weights={"mel": 1.0}), words)
    assert not trainer.trained.needs_takes and trainer._batch()[-1] is None


@pytest.mark.parametrize(
    ("values", "message"),
    [({"weights": {"hum": 1.0}}, r"unknown losses \['hum'\]; there are \['mel'"),
     ({"options": {"hum": {}}}, r"unknown losses \['hum'\]"),
     ({"weights": {"mel": 0.0}}, "all weights are 0"),
     ({"weights": {"commitment": 1.0}}, "all losses need words, and there are none until step 3")],
)
def test_a_recipe_of_losses_that_are_not_there_is_refused(recipe, values, message):
    with pytest.raises(ValueError, match=message):
        recipe(**values)


def test_steadiness_is_for_words_looked_up_by_distance(setting):
    shape = setting().config.codec
    assert build_terms(setting(weights={"mel": 1.0, "steadiness": 1.0}))
    with pytest.raises(ValueError, match="steadiness is for lookup \"euclidean\", not 'cosine'"):
        build_terms(setting(weights={"mel": 1.0, "steadiness": 1.0},
                            codec=shape | {"lookup": "cosine"}))


def test_an_option_that_a_term_does_not_know_is_refused(setting):
    with pytest.raises(ValueError, match=r"isotropy has no options \['depth'\]"):
        build_terms(setting(options={"isotropy": {"depth": 3}}))


def test_without_a_core_every_scale_has_a_map_of_its_own(recipe, words):
    trainer = Trainer(recipe(core=0), words)
    assert isinstance(trainer.trained, Objective)
    trainer.train()
    assert all(book.projection.weight.requires_grad for book in trainer.trained.quantizer.codebooks)


@pytest.mark.parametrize("core", [0, 2, 4])
def test_sounds_that_are_only_compared_are_heard_by_the_coarse_branch_alone(
    recipe, words, monkeypatch, core
):
    trained = Trainer(recipe(core=core), words).trained
    waves = 0.05 * torch.randn(2, 1, 7680)
    wanted = trained.core(trained.latent(waves))
    whole = []
    latent = trained.latent
    monkeypatch.setattr(trained, "latent", lambda heard: whole.append(1) or latent(heard))
    assert torch.equal(trained.heard_core(waves), wanted)
    assert bool(whole) == (core != 4)  # the branch has four channels
