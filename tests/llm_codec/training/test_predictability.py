"""Predictability: the LLM's own cross-entropy, its gradient on the latents and never on the LLM."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from llm_codec import Vocabulary
from llm_codec.quantizer import nearest, search_keys
from llm_codec.training.predictability import (
    NEIGHBOURS,
    Predictability,
    single_tokens,
    soft_choice,
)
from llm_codec.training.term import Setting, Step

SIZES, FRAMES, DIM = (16, 32, 32), (2, 4, 8), 5
LOOKUPS = pytest.mark.parametrize("lookup", ["cosine", "euclidean"])


@pytest.fixture
def ids(vocabulary, tokenizer) -> list[torch.Tensor]:
    return single_tokens(vocabulary, tokenizer)


@pytest.fixture
def draw(make_step: Callable[..., Step]) -> Callable[..., Step]:
    """Builds a step of random tables and of latents that take gradients."""

    def build(batch: int = 3) -> Step:
        draw = torch.Generator().manual_seed(0)
        shapes = list(zip(SIZES, FRAMES, strict=True))
        return make_step(
            residuals=[torch.randn(batch, frames, DIM, generator=draw, requires_grad=True)
                       for _, frames in shapes],
            tables=[torch.randn(size, DIM, generator=draw) for size, _ in shapes])

    return build


def found(latent: torch.Tensor, table: torch.Tensor, lookup: str) -> torch.Tensor:
    """Codes that the codec finds, (B, T_k)."""
    rows = latent.detach().flatten(0, 1)
    return nearest(rows, *search_keys(table, lookup)).unflatten(0, latent.shape[:2])


def loss(term: Predictability, step: Step) -> torch.Tensor:
    return term(step)["predictability"]


@pytest.mark.parametrize("name", ["llama", "gpt2"])
@LOOKUPS
def test_the_loss_is_the_llms_own_on_the_words_in_prompt_order(
    name: str, lookup: str, ids: list, tokenizer, draw, request: pytest.FixtureRequest
) -> None:
    llm, step = request.getfixturevalue(name), draw()
    scales = zip(ids, step.looked.residuals, step.looked.tables, strict=True)
    words = torch.cat([scale[found(*looked, lookup)] for scale, *looked in scales], dim=1)
    prompt = torch.nn.functional.pad(words, (1, 0), value=tokenizer.bos_token_id)
    with torch.no_grad():
        whole = llm(input_ids=prompt, labels=prompt).loss
        headless = llm(input_ids=words, labels=words).loss
    for start, expected in ((tokenizer.bos_token_id, whole), (None, headless)):
        term = Predictability(llm, ids, start, 1000, lookup)
        assert torch.allclose(loss(term, step), expected, atol=1e-5)


@LOOKUPS
def test_shares_are_hard_and_their_gradient_is_that_of_a_softmax(lookup: str, draw) -> None:
    looked, names = draw(batch=1).looked, torch.arange(100, 132)
    latent, table = looked.residuals[1], looked.tables[1]
    words, shares = soft_choice(latent, table, names, lookup)
    assert torch.equal(words[..., 0], names[found(latent, table, lookup)])
    assert torch.equal(shares[..., 0], torch.ones(1, 4)) and not shares[..., 1:].any()
    factors = torch.randn(NEIGHBOURS, generator=torch.Generator().manual_seed(2))
    (shares @ factors).sum().backward()

    def point(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(x, dim=-1) if lookup == "cosine" else x

    again = latent.detach().clone().requires_grad_()
    distance = torch.cdist(point(again)[0], point(table)).square()
    near, order = distance.topk(NEIGHBOURS, largest=False)
    assert torch.equal(words[0], names[order])
    tau = (near - near[:, :1]).mean().detach()
    ((-near / tau).softmax(dim=-1) @ factors).sum().backward()
    assert again.grad.abs().max() > 0
    assert torch.allclose(latent.grad, again.grad, rtol=1e-3, atol=1e-5)


def test_the_gradient_of_a_share_is_what_reading_and_foretelling_it_costs(
    llama, ids: list, monkeypatch: pytest.MonkeyPatch, make_step
) -> None:
    """Against differences of the loss as the formula has it, in a row of two words."""
    words = torch.stack([ids[0][:3], ids[0][3:6]])[None]
    shares = torch.tensor([[[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]], requires_grad=True)
    monkeypatch.setattr("llm_codec.training.predictability.soft_choice",
                        lambda *_: (words, shares))
    step = make_step(residuals=[torch.zeros(1, 2, DIM)], tables=[torch.zeros(16, DIM)])
    loss(Predictability(llama, ids[:1], 0, 1000, "euclidean"), step).backward()
    table = llama.get_input_embeddings().weight.detach()

    @torch.no_grad()
    def cost(moved: torch.Tensor) -> float:
        read = torch.stack([table[0], moved @ table[words[0, 0]]])
        logs = llama(inputs_embeds=read[None]).logits[0].log_softmax(-1)
        return -(moved @ logs[0, words[0, 0]] + logs[1, words[0, 1, 0]]).item() / 2

    for neighbour in range(3):
        moved = 1e-2 * torch.eye(3)[neighbour]
        slope = (cost(shares.data[0, 0] + moved) - cost(shares.data[0, 0] - moved)) / 2e-2
        assert shares.grad[0, 0, neighbour].item() == pytest.approx(slope, rel=1e-2, abs=1e-2)


def test_gradients_reach_every_latent_and_leave_the_llm_as_it_is(
    llama, ids: list, draw, weights_fingerprint: Callable
) -> None:
    before, step = weights_fingerprint(llama), draw()
    loss(Predictability(llama, ids, 0, 1000, "euclidean"), step).backward()
    for latent in step.looked.residuals:
        assert latent.grad.isfinite().all() and latent.grad.abs().amax(-1).min() > 0
    assert all(p.grad is None and not p.requires_grad for p in llama.parameters())
    assert weights_fingerprint(llama) == before


def test_the_llm_is_no_part_of_the_term_and_takes_no_gradient(llama, ids: list) -> None:
    trainable = copy.deepcopy(llama).train().requires_grad_(True)  # as others may hand it over
    term = Predictability(trainable, ids, 0, 1000, "euclidean")
    assert not list(term.parameters()) and not term.state_dict()
    term.train()
    assert not trainable.training
    assert not any(parameter.requires_grad for parameter in trainable.parameters())


def test_cost_is_bounded_by_words(llama, ids: list, draw) -> None:
    read = []
    hook = llama.model.register_forward_pre_hook(
        lambda _, args, kwargs: read.append(kwargs["inputs_embeds"].shape[:2]), with_kwargs=True)
    total = sum(FRAMES)
    for most in (1000, 2 * total + 1, total - 3):
        loss(Predictability(llama, ids, None, most, "euclidean"), draw()).backward()
    hook.remove()
    assert read == [(3, total - 1), (2, total - 1), (1, total - 4)]  # the last word is not read


def test_leading_clips_do_not_depend_on_the_rest(llama, ids: list, draw, make_step) -> None:
    step = draw()
    few = make_step(residuals=[part[:1] for part in step.looked.residuals],
                    tables=step.looked.tables)
    term = Predictability(llama, ids, 0, sum(FRAMES), "euclidean")
    assert torch.allclose(loss(term, step), loss(term, few), atol=1e-6)
    assert torch.equal(loss(term, few), loss(term, few))


def test_latents_that_follow_it_say_words_that_are_foretold(llama, ids: list, draw) -> None:
    """The bridge is of use: descent on latents alone lowers the LLM's loss on the hard words."""
    step = draw(batch=16)
    term = Predictability(llama, ids, 0, 1000, "euclidean")
    optimizer, losses = torch.optim.Adam(step.looked.residuals, lr=0.02), []
    for _ in range(80):
        optimizer.zero_grad()
        losses.append(loss(term, step))
        losses[-1].backward()
        optimizer.step()
    assert sum(losses[-10:]) / 10 < losses[0] - 0.3


def test_words_of_several_tokens_and_too_few_words_are_one_clear_error(
    setting: Callable[..., Setting], pair: Path, tokenizer
) -> None:
    with pytest.raises(ValueError, match="one token, but 'bebe' has .*; give it weight 0"):
        single_tokens(Vocabulary([["be", "bebe"]]), tokenizer)
    with pytest.raises(ValueError, match="nothing foretells less than 2"):
        Predictability.build(setting(llm=str(pair)), words=1)
