"""Predictability: the LLM's own cross-entropy, its gradient on the latents and never on the LLM."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from llm_codec.quantizer import nearest, search_keys
from llm_codec.training.predictability import NEIGHBOURS, Lookup, Predictability, soft_choice

SIZES, FRAMES, DIM = (16, 32, 32), (2, 4, 8), 5
LOOKUPS = pytest.mark.parametrize("lookup", ["cosine", "euclidean"])


@pytest.fixture
def ids(vocabulary, tokenizer) -> list[torch.Tensor]:
    spelled = vocabulary.bind(tokenizer).token_ids
    return [torch.tensor([pieces[0] for pieces in scale]) for scale in spelled]


def lookups(batch: int = 3, seed: int = 0) -> list[Lookup]:
    draw = torch.Generator().manual_seed(seed)
    return [
        Lookup(torch.randn(batch, frames, DIM, generator=draw, requires_grad=True),
               torch.randn(size, DIM, generator=draw))
        for size, frames in zip(SIZES, FRAMES, strict=True)
    ]


def codes(found: Lookup, lookup: str) -> torch.Tensor:
    """What the codec finds, (B, T_k)."""
    rows = found.latent.detach().flatten(0, 1)
    return nearest(rows, *search_keys(found.table, lookup)).unflatten(0, found.latent.shape[:2])


@pytest.mark.parametrize("name", ["llama", "gpt2"])
@LOOKUPS
def test_the_loss_is_the_llms_own_on_the_words_in_prompt_order(
    name: str, lookup: str, ids: list, tokenizer, request: pytest.FixtureRequest
) -> None:
    llm = request.getfixturevalue(name)
    found = lookups()
    words = torch.cat([s[codes(part, lookup)] for s, part in zip(ids, found, strict=True)], dim=1)
    prompt = torch.nn.functional.pad(words, (1, 0), value=tokenizer.bos_token_id)
    with torch.no_grad():
        expected = llm(input_ids=prompt, labels=prompt).loss
        headless = llm(input_ids=words, labels=words).loss
    for start, loss in ((tokenizer.bos_token_id, expected), (None, headless)):
        term = Predictability(llm, ids, start, 1000, lookup)
        assert torch.allclose(term(found), loss, atol=1e-5)


@LOOKUPS
def test_shares_are_hard_and_their_gradient_is_that_of_a_softmax(lookup: str) -> None:
    (latent, table), names = lookups(batch=1)[1], torch.arange(100, 132)
    words, shares = soft_choice(latent, table, names, lookup)
    assert torch.equal(words[..., 0], names[codes(Lookup(latent, table), lookup)])
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


def test_the_gradient_is_that_of_the_expected_loss(llama, ids: list) -> None:
    """Moving a share moves the loss as the formula says: what is read and what is foretold."""
    term = Predictability(llama, ids, 0, 1000, "euclidean")
    words = torch.stack([ids[0][:3], ids[0][3:6]])[None]  # two words, three neighbours each
    shares = torch.tensor([[[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]], requires_grad=True)
    logits = term._foretell(words, shares)
    loss = -(shares * logits.log_softmax(-1).gather(-1, words)).sum()
    loss.backward()
    table = llama.get_input_embeddings().weight.detach()

    def expected(moved: torch.Tensor) -> float:
        read = torch.stack([table[0], moved @ table[words[0, 0]]])
        logs = llama(inputs_embeds=read[None]).logits[0].log_softmax(-1)
        return -(moved @ logs[0, words[0, 0]] + logs[1, words[0, 1, 0]]).item()

    for neighbour in range(3):
        step = torch.zeros(3)
        step[neighbour] = 1e-2
        start = shares.detach()[0, 0]
        slope = (expected(start + step) - expected(start - step)) / 2e-2
        assert shares.grad[0, 0, neighbour].item() == pytest.approx(slope, rel=2e-2, abs=2e-2)


def test_gradients_reach_every_latent_and_leave_the_llm_as_it_is(
    llama, ids: list, weights_fingerprint: Callable
) -> None:
    before = weights_fingerprint(llama)
    found = lookups()
    Predictability(llama, ids, 0, 1000, "euclidean")(found).backward()
    for part in found:
        assert part.latent.grad.isfinite().all() and part.latent.grad.abs().amax(-1).min() > 0
    assert all(p.grad is None and not p.requires_grad for p in llama.parameters())
    assert weights_fingerprint(llama) == before


def test_the_llm_is_no_part_of_the_term(llama, ids: list) -> None:
    term = Predictability(llama, ids, 0, 1000, "euclidean")
    assert not list(term.parameters()) and not term.state_dict()
    term.train()
    assert not llama.training


def test_cost_is_bounded_by_words(llama, ids: list) -> None:
    read = []
    hook = llama.model.register_forward_pre_hook(
        lambda _, args, kwargs: read.append(kwargs["inputs_embeds"].shape[:2]), with_kwargs=True)
    found, total = lookups(batch=3), sum(FRAMES)
    for most in (1000, 2 * total + 1, total - 3):
        Predictability(llama, ids, None, most, "euclidean")(found).backward()
    hook.remove()
    assert read == [(3, total - 1), (2, total - 1), (1, total - 4)]  # the last word is not read


def test_leading_clips_do_not_depend_on_the_rest(llama, ids: list) -> None:
    few = [Lookup(part.latent[:1], part.table) for part in lookups()]
    term = Predictability(llama, ids, 0, sum(FRAMES), "euclidean")
    assert torch.allclose(term(lookups()), term(few), atol=1e-6)
    assert torch.equal(term(few), term(few))


def test_latents_that_follow_it_say_words_that_are_foretold(llama, ids: list) -> None:
    """The bridge is of use: descent on latents alone lowers the LLM's loss on the hard words."""
    start = lookups(batch=4)
    latents = [part.latent.detach().clone().requires_grad_() for part in start]
    term = Predictability(llama, ids, 0, 1000, "euclidean")
    optimizer, losses = torch.optim.Adam(latents, lr=0.05), []
    for _ in range(60):
        optimizer.zero_grad()
        loss = term([Lookup(x, part.table) for x, part in zip(latents, start, strict=True)])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.3
