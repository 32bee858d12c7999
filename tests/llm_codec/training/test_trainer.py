"""The training loop from corpus to codec, on toy sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from llm_codec import LLMCodec
from llm_codec.run import _has_bfloat16, read_log
from llm_codec.training.config import TrainConfig
from llm_codec.training.data import Crops, Sampler
from llm_codec.training.trainer import Trainer
from llm_codec.training.words import FrozenWords

Recipe = Callable[..., TrainConfig]


def log(config: TrainConfig, kind: str = "train") -> list[dict[str, float]]:
    rows = read_log(Path(config.out) / "train" / "log.jsonl")
    return [{k: v for k, v in row.items() if k not in ("time", "kind")}
            for row in rows if row["kind"] == kind]


def test_a_run_ends_with_a_codec_that_speaks_the_words(
    recipe: Recipe, words: FrozenWords, corpus: Path
) -> None:
    config = recipe()
    trainer = Trainer(config, words)
    trainer.train()
    rows = log(config)
    assert [row["step"] for row in rows] == list(range(6))
    assert all(("commitment" in row) == (row["step"] >= 3) for row in rows)
    assert set(rows[-1]) >= {"mel", "stft", "agreement", "isotropy", "use1", "entropy3"}
    codec = LLMCodec.from_pretrained(config.out)
    assert codec.vocabulary == words.vocabulary
    assert codec.metadata | {"llm": words.llm, "steps": 6, "seed": 0} == codec.metadata
    codes = codec.encode(corpus / "train" / "low0.wav")
    assert codec.decode(codes).shape == (1, 1, 6400)
    books = trainer.trained.quantizer.codebooks
    for book, table in zip(books, codec.quantizer.codebooks, strict=True):
        assert torch.equal(book.table().half().float(), table.table)


def test_losses_fall(recipe: Recipe, words: FrozenWords) -> None:
    config = recipe(steps=30, unquantised=29, save_every=100, learning_rate=3e-3)
    Trainer(config, words).train()
    mel = [row["mel"] for row in log(config)]
    assert sum(mel[24:29]) < 0.8 * sum(mel[:5])


def test_a_stopped_run_goes_on_as_if_it_had_not(
    recipe: Recipe, words: FrozenWords, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole, parts = recipe(out=str(tmp_path / "whole")), recipe(out=str(tmp_path / "parts"))
    Trainer(whole, words).train()
    for stop in (1, 3, 5):  # before the first checkpoint, at the switch, and after it
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Trainer, "_log", stopping(stop))
            Trainer(parts, words).train()
    Trainer(parts, words).train()
    expected = log(whole)
    seen = log(parts)
    assert {row["step"] for row in seen} == set(range(6))
    assert all(row == expected[row["step"]] for row in seen)
    for name in ("model.safetensors", "vocabulary.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


def stopping(step: int) -> Callable[[Trainer, dict], None]:
    real = Trainer._log

    def log_and_stop(trainer: Trainer, values: dict, kind: str = "train") -> None:
        real(trainer, values, kind)
        if trainer.step == step:
            raise KeyboardInterrupt

    return log_and_stop


def test_seeds_decide_the_run(recipe: Recipe, words: FrozenWords, tmp_path: Path) -> None:
    logs = []
    for number, seed in enumerate((1, 1, 2)):
        config = recipe(out=str(tmp_path / str(number)), seed=seed, steps=2, unquantised=1)
        Trainer(config, words).train()
        logs.append(log(config))
    assert logs[0] == logs[1] != logs[2]


def test_nothing_held_out_is_read(recipe: Recipe, words: FrozenWords) -> None:
    rows = Trainer(recipe(), words).sampler.bank.rows
    assert len(rows) == 13
    assert {row["split"] for row in rows} == {"train"}
    assert "held" not in {row["speaker"] for row in rows}
    with pytest.raises(ValueError, match="test/a.wav"):
        Trainer(recipe(split="test"), words)  # the corpus notices when such a clip is read


def test_a_split_without_clips_is_one_clear_error(recipe: Recipe, words: FrozenWords) -> None:
    with pytest.raises(ValueError, match="has no clips of the split 'valid'; there are dev, te"):
        Trainer(recipe(split="valid"), words)


def test_words_stay_and_only_their_maps_move(recipe: Recipe, words: FrozenWords) -> None:
    before = [table.clone() for table in words.embeddings]
    trainer = Trainer(recipe(), words)
    trainer.step = 3
    trainer.fit_codebooks()
    start = [book.projection.weight.clone() for book in trainer.trained.quantizer.codebooks]
    for _ in range(2):
        trainer._update()
        trainer.step += 1
    for book, table, weight in zip(trainer.trained.quantizer.codebooks, before, start, strict=True):
        assert torch.equal(book.embeddings, table) and book.embeddings.grad is None
        assert torch.equal(book.projection.weight, weight) != book.projection.weight.requires_grad
    assert not trainer.trained.quantizer.codebooks[0].projection.weight.requires_grad
    assert all(map(torch.equal, words.embeddings, before))


@pytest.mark.parametrize("layout", [("waveform", "spectral"), ("spectral", "waveform")])
def test_every_layout_can_be_trained(
    recipe: Recipe, words: FrozenWords, layout: tuple[str, str]
) -> None:
    encoder, decoder = layout
    base = recipe()
    coarse = 4 if encoder == "spectral" else 0
    shape = base.codec | {"encoder": encoder, "decoder": decoder, "encoder_dim": 1,
                          "coarse_dim": coarse}
    config = dataclasses.replace(base, codec=shape | {"decoder_dim": 32}, steps=2, unquantised=1)
    trainer = Trainer(config, words)
    before = {name: p.clone() for name, p in trainer.codec.decoder.named_parameters()}
    trainer.train()
    assert LLMCodec.from_pretrained(config.out).config.encoder == encoder
    still = [name for name, p in trainer.codec.decoder.named_parameters()
             if torch.equal(p, before[name])]
    assert not [name for name in still if "noise" in name], "noise is decoded with all the same"


def test_half_precision_is_used_where_the_processor_has_it(
    recipe: Recipe, words: FrozenWords, tmp_path: Path
) -> None:
    logs = []
    for precision in ("no", "bf16"):
        config = recipe(precision=precision, out=str(tmp_path / precision))
        Trainer(config, words).train()
        logs.append(log(config)[0])
    full, half = logs
    assert (full != half) == _has_bfloat16()
    assert all(half[name] == pytest.approx(full[name], rel=0.05) for name in ("mel", "stft"))


def test_the_gradient_is_cut_to_its_largest_norm(
    recipe: Recipe, words: FrozenWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, norms = Trainer(recipe(clip=1e-3), words), []

    def note(*_: object) -> None:
        grads = [p.grad for p in trainer.trained.parameters() if p.grad is not None]
        norms.append(torch.linalg.vector_norm(torch.cat([grad.flatten() for grad in grads])).item())

    trainer.optimizer.optimizer.register_step_pre_hook(note)
    trainer._update()
    assert norms == [pytest.approx(1e-3, rel=1e-3)]


def test_the_rate_follows_its_schedule(recipe: Recipe, words: FrozenWords) -> None:
    trainer, rates = Trainer(recipe(learning_rate=0.01), words), []
    trainer.optimizer.optimizer.register_step_pre_hook(
        lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    trainer.train()
    assert rates[:2] == [0.005, 0.01] and rates[2] == 0.01 and rates[-1] < rates[3] < 0.01


def test_a_gradient_that_is_no_number_stops_the_run_and_spoils_nothing(
    recipe: Recipe, words: FrozenWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, crops = recipe(save_every=2), Sampler.crops

    def broken(sampler: Sampler, count: int, step: int) -> Crops:
        drawn = crops(sampler, count, step)
        drawn.waves[0, 5] *= np.inf if step == 4 else 1
        return drawn

    monkeypatch.setattr(Sampler, "crops", broken)
    with pytest.raises(ValueError, match=r"gradient of step 4 is (nan|inf) .*last checkpoint is"):
        Trainer(config, words).train()
    state = torch.load(Path(config.out) / "train" / "state.pt", weights_only=True)
    assert state["step"] == 4
    assert all(value.isfinite().all() for value in state["trained"].values())
    monkeypatch.undo()
    Trainer(config, words).train()  # and the run goes on once the data is mended
    assert LLMCodec.from_pretrained(config.out).metadata["steps"] == 6
