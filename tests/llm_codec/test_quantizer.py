"""Lookup and multi-scale quantisation, against plain restatements and another library."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from vector_quantize_pytorch import SimVQ, VectorQuantize

from llm_codec import quantizer
from llm_codec.config import CodecConfig
from llm_codec.quantizer import (
    FrozenCodebook, MultiScaleQuantizer, nearest, nearest_and_lead, pool, repeat,
)

STRIDES = (4, 2, 1)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def codebook(lookup: str, size: int = 60, dim: int = 12) -> FrozenCodebook:
    book = FrozenCodebook(size, dim, lookup)
    book.table = torch.randn(size, dim) * torch.rand(size, 1) * 3 + 0.2
    book.prepare()
    return book


def many(lookup: str, **values: object) -> MultiScaleQuantizer:
    sizes = {"codebook_sizes": (20, 40, 40), "latent_dim": 16, "lookup": lookup}
    return MultiScaleQuantizer(CodecConfig(**sizes | values))


def test_cosine_lookup_is_the_released_rule() -> None:
    book, latent = codebook("cosine"), torch.randn(300, 12)
    normal = torch.nn.functional.normalize
    x, table = normal(latent), normal(book.table)
    distance = x.square().sum(1, keepdim=True) - 2 * x @ table.T + table.square().sum(1)
    assert torch.equal(book.search(latent), distance.argmin(dim=1))
    assert torch.equal(book.vectors(book.search(latent)), book.table[distance.argmin(dim=1)])


def test_cosine_lookup_does_not_hear_the_level() -> None:
    book, latent = codebook("cosine"), torch.randn(300, 12)
    assert torch.equal(book.search(latent), book.search(7.5 * latent))


def test_euclidean_lookup_is_the_nearest_row() -> None:
    book, latent = codebook("euclidean"), torch.randn(300, 12)
    assert torch.equal(book.search(latent), torch.cdist(latent, book.table).argmin(dim=1))
    assert torch.equal(book.search(book.table), torch.arange(60))


def test_euclidean_lookup_equals_vector_quantize() -> None:
    book, latent = codebook("euclidean"), torch.randn(4, 50, 12)
    oracle = VectorQuantize(dim=12, codebook_size=60, freeze_codebook=True, ema_update=False).eval()
    oracle.codebook = book.table
    words, found, _ = oracle(latent)
    assert torch.equal(book.search(latent.flatten(0, 1)).view(4, 50), found)
    assert torch.allclose(book.vectors(found), words, atol=1e-6)


def test_projected_embeddings_equal_simvq() -> None:
    """The same algebra: a frozen table behind a linear map, nearest row in the mapped space."""
    embeddings, latent = torch.randn(60, 30), torch.randn(2, 40, 12)
    oracle = SimVQ(
        dim=12, codebook_size=60, frozen_codebook_dim=30, init_fn=lambda _: embeddings,
        codebook_transform=torch.nn.Linear(30, 12),
    ).eval()
    book = FrozenCodebook(60, 12, "euclidean")
    book.table = oracle.code_transform(embeddings).detach()
    book.prepare()
    words, found, _ = oracle(latent)
    assert torch.equal(book.search(latent.flatten(0, 1)).view(2, 40), found)
    assert torch.allclose(book.vectors(found), words, atol=1e-5)


@pytest.mark.parametrize("lookup", ["cosine", "euclidean"])
@pytest.mark.parametrize("rows", [1, 7, 100, 1000])
def test_chunks_do_not_change_codes(
    monkeypatch: pytest.MonkeyPatch, lookup: str, rows: int
) -> None:
    book, latent = codebook(lookup), torch.randn(300, 12)
    whole = (latent @ book.keys.T - book.offsets).argmax(dim=-1)
    monkeypatch.setattr(quantizer, "SEARCH_ROWS", rows)
    monkeypatch.setattr(quantizer, "SEARCH_KEYS", max(1, rows // 10))
    assert torch.equal(nearest(latent, book.keys, book.offsets), whole)
    best = (latent @ book.keys.T - book.offsets).topk(2, dim=-1)
    found, lead = nearest_and_lead(latent, book.keys, book.offsets)
    assert torch.equal(found, whole)
    assert torch.allclose(lead, best.values[:, 0] - best.values[:, 1], atol=1e-5)


@pytest.mark.parametrize("search", [nearest, nearest_and_lead])
def test_the_search_never_holds_all_scores(
    search: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    class Watched(Tensor):
        def __matmul__(self, other: Tensor) -> Tensor:
            seen.append(len(self))
            return self.as_subclass(Tensor) @ other

    monkeypatch.setattr(quantizer, "SEARCH_ROWS", 64)
    book = codebook("cosine")
    search(torch.randn(300, 12).as_subclass(Watched), book.keys, book.offsets)
    assert sum(seen) == 300 and max(seen) == 64


@pytest.mark.parametrize("lookup", ["cosine", "euclidean"])
def test_scales_are_a_plain_residual_loop(lookup: str) -> None:
    module, latent = many(lookup), torch.randn(2, 16, 24)
    result = module(latent)
    residual, total = latent, 0
    for stride, book, codes in zip(STRIDES, module.codebooks, result.codes, strict=True):
        pooled = residual.unflatten(-1, (-1, stride)).mean(dim=-1)
        expected = book.search(pooled.mT.reshape(-1, 16)).view(2, 24 // stride)
        assert torch.equal(codes, expected)
        words = book.table[expected].mT.repeat_interleave(stride, dim=-1)
        residual, total = residual - words, total + words
    assert torch.allclose(result.latent, total, atol=1e-6)


def test_decoding_codes_gives_the_quantised_latent() -> None:
    module, latent = many("cosine"), torch.randn(3, 16, 16)
    result = module(latent)
    assert [tuple(codes.shape) for codes in result.codes] == [(3, 4), (3, 8), (3, 16)]
    assert torch.allclose(module.decode(result.codes), result.latent, atol=1e-5)


def test_a_batch_gives_the_codes_of_its_items() -> None:
    module, latent = many("euclidean"), torch.randn(5, 16, 16)
    batch = module(latent)
    for number in range(5):
        single = module(latent[number : number + 1])
        for together, alone in zip(batch.codes, single.codes, strict=True):
            assert torch.equal(together[number : number + 1], alone)


def test_odd_strides() -> None:
    module = many("cosine", vq_strides=(5, 3, 1))
    result = module(torch.randn(1, 16, 30))
    assert [codes.shape[1] for codes in result.codes] == [6, 10, 30]
    assert module.decode(result.codes).shape == (1, 16, 30)


def test_pool_undoes_repeat() -> None:
    x = torch.randn(2, 3, 4)
    assert torch.allclose(pool(repeat(x, 5), 5), x, atol=1e-6)
    assert pool(x, 1) is x and repeat(x, 1) is x


def test_tables_are_no_parameters_and_keys_are_not_saved() -> None:
    module = many("cosine")
    assert not list(module.parameters())
    assert set(module.state_dict()) == {f"codebooks.{k}.table" for k in range(3)}
