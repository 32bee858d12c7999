"""Codebooks in training: geometry at the start, frozen words ever after."""

from __future__ import annotations

import pytest
import torch

from llm_codec.config import CodecConfig
from llm_codec.quantizer import MultiScaleQuantizer
from llm_codec.training.codebook import ProjectedCodebook, TrainingQuantizer

SIZES, STRIDES, DIM, CORE = (20, 40, 40), (4, 2, 1), 12, 5


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def latent() -> torch.Tensor:
    return torch.randn(3, DIM, 16) @ torch.randn(16, 16) + torch.randn(DIM, 1)


@pytest.fixture(params=["cosine", "euclidean"])
def quantizer(request: pytest.FixtureRequest) -> TrainingQuantizer:
    books = [ProjectedCodebook(torch.randn(size, 30), DIM, CORE * (size == 20)) for size in SIZES]
    books[0].fit_core(torch.randn(100, CORE))
    return TrainingQuantizer(books, STRIDES, request.param)


def covariance(rows: torch.Tensor) -> torch.Tensor:
    return torch.cov(rows.T, correction=0)


def test_fit_gives_the_table_mean_and_covariance_of_the_latents() -> None:
    book = ProjectedCodebook(torch.randn(500, 30) * torch.rand(30) + 3, DIM)
    latents = torch.randn(800, DIM) @ torch.randn(DIM, DIM) + 5
    book.fit(latents)
    table = book.table()
    assert torch.allclose(table.mean(dim=0), latents.mean(dim=0), atol=1e-3)
    expected = covariance(latents)
    assert torch.allclose(covariance(table), expected, atol=1e-3 * expected.abs().max())


def test_fit_with_fewer_words_than_channels_keeps_the_mean() -> None:
    book = ProjectedCodebook(torch.randn(5, 30), DIM)
    latents = torch.randn(800, DIM) + 5
    book.fit(latents)
    assert torch.allclose(book.table().mean(dim=0), latents.mean(dim=0), atol=1e-3)
    assert book.table().isfinite().all()


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_core_distances_are_whitened_distances_between_words(scale: float) -> None:
    embeddings = torch.randn(200, 30) * torch.linspace(3, 0.5, 30) + 1
    book = ProjectedCodebook(embeddings, DIM, CORE)
    latent = torch.randn(400, CORE)
    latent = latent - latent.mean(dim=0)
    book.fit_core(scale * latent / latent.std() + 2)
    table = book.table()
    values, directions = torch.linalg.eigh(covariance(embeddings))
    scores = (embeddings - embeddings.mean(0)) @ directions.flip(1)[:, :CORE]
    whitened = scores / values.flip(0)[:CORE].sqrt()
    expected = scale * torch.cdist(whitened, whitened)
    assert torch.allclose(torch.cdist(table[:, :CORE], table[:, :CORE]), expected, atol=1e-2)
    assert torch.allclose(table[:, :CORE].std(dim=0), torch.tensor(scale), rtol=0.01)
    assert torch.allclose(table[:, :CORE].mean(dim=0), torch.tensor(2.0), atol=1e-3)
    assert not table[:, CORE:].any()


def test_words_on_the_core_leave_the_other_channels_alone(
    quantizer: TrainingQuantizer, latent: torch.Tensor
) -> None:
    changed = latent.clone()
    changed[:, CORE:] += 3
    first, second = quantizer(latent), quantizer(changed)
    assert torch.equal(first.quantized.codes[0], second.quantized.codes[0])
    assert torch.equal(first.parts[0], second.parts[0])
    assert not first.parts[0][:, CORE:].any()
    assert not torch.equal(first.quantized.codes[1], second.quantized.codes[1])


def test_embeddings_are_neither_trained_nor_saved(quantizer: TrainingQuantizer, latent) -> None:
    before = [book.embeddings.clone() for book in quantizer.codebooks]
    slow = quantizer.codebooks[0].projection.weight.clone()
    moving = [p for p in quantizer.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(moving, lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        quantizer(latent).commitment.backward()
        optimizer.step()
    for book, frozen in zip(quantizer.codebooks, before, strict=True):
        assert torch.equal(book.embeddings, frozen)
        assert not book.embeddings.requires_grad and book.embeddings.grad is None
    assert torch.equal(quantizer.codebooks[0].projection.weight, slow)
    assert all(p.grad is not None for p in moving)
    assert not any("embeddings" in name for name in quantizer.state_dict())


def test_the_callers_table_is_copied() -> None:
    table = torch.randn(4, 6)
    book = ProjectedCodebook(table, DIM)
    table.zero_()
    assert book.embeddings.abs().min() > 0


def test_baked_tables_give_the_same_codes_at_inference(
    quantizer: TrainingQuantizer, latent: torch.Tensor
) -> None:
    config = CodecConfig(codebook_sizes=SIZES, latent_dim=DIM, lookup=quantizer.lookup)
    for book in quantizer.codebooks:  # whole numbers, which half precision holds exactly
        book.embeddings.mul_(8).round_()
        book.projection.weight.data.mul_(8).round_()
        book.projection.bias.data.zero_()
    target = MultiScaleQuantizer(config)
    quantizer.bake(target)
    looked = quantizer(latent)
    result = looked.quantized
    inferred = target(latent)
    for trained, baked in zip(result.codes, inferred.codes, strict=True):
        assert torch.equal(trained, baked)
    assert torch.allclose(inferred.latent, result.latent, rtol=1e-4, atol=1e-3)
    assert torch.equal(torch.stack(looked.parts).sum(dim=0), result.latent)


def test_gradients_pass_the_lookup_to_the_latent(
    quantizer: TrainingQuantizer, latent: torch.Tensor
) -> None:
    latent.requires_grad_()
    quantizer(latent).quantized.latent.square().sum().backward()
    assert latent.grad.isfinite().all() and latent.grad.abs().min() > 0
    assert all(p.grad is None for p in quantizer.parameters())


def test_commitment_is_its_formula(latent: torch.Tensor) -> None:
    table = torch.randn(20, 30)
    for core, weight in ((DIM, 0.25), (0, 1.25)):
        book = ProjectedCodebook(table, DIM, core)
        looked = TrainingQuantizer([book], (1,), "euclidean")(latent)
        expected = weight * (looked.quantized.latent - latent).square().mean()
        assert torch.allclose(looked.commitment, expected, rtol=1e-4)


@pytest.mark.parametrize("core", [0, CORE])
def test_a_book_takes_up_the_table_of_an_earlier_run(core: int) -> None:
    embeddings = torch.randn(200, 30)
    first, second = (ProjectedCodebook(embeddings, DIM, core) for _ in range(2))
    if core:
        first.fit_core(torch.randn(100, CORE))
    second.adopt(first.table().half().float())
    assert torch.allclose(second.table(), first.table(), atol=2e-3)


def test_a_table_of_other_words_is_refused() -> None:
    book, other = (ProjectedCodebook(torch.randn(200, 30), DIM) for _ in range(2))
    with pytest.raises(ValueError, match="not those of the recipe"):
        book.adopt(other.table())
    with pytest.raises(ValueError, match="200 words"):
        ProjectedCodebook(torch.randn(100, 30), DIM).adopt(other.table())
