"""The guard: healthy codebooks pass, collapsed ones stop the run, short batches decide nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from llm_codec.cli import main
from llm_codec.training import guard
from llm_codec.training.guard import CodebookCollapse, Guard
from llm_codec.training.trainer import Trainer
from llm_codec.training.words import FrozenWords

SIZES = (100, 400)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "GRACE", 5)


def codes(words: int, count: int = 20, seed: int = 0) -> list[torch.Tensor]:
    """Codes of one step, (2, count / 2): ``words`` different ones at most."""
    draw = torch.Generator().manual_seed(seed)
    return [torch.randint(min(words, size), (2, count // 2), generator=draw) for size in SIZES]


def test_words_in_use_are_counted_over_the_window() -> None:
    watch = Guard(SIZES)
    for step in range(200):
        found = watch.take(codes(1000, seed=step))
    assert found["use1"] > 0.9 and found["use2"] > 0.9
    assert 0.9 < found["entropy1"] < 1 and set(found) == {"use1", "use2", "entropy1", "entropy2"}


def test_a_collapsed_scale_is_named_once_the_window_is_full() -> None:
    watch, steps = Guard(SIZES), 0
    with pytest.raises(CodebookCollapse, match=r"scale 1 has collapsed: it uses 9 of 100 words "
                       r"\(9.0 %, under 10 %\) over the last 20 steps \(400 codes\)"):
        for steps in range(1000):
            watch.take(codes(9, seed=steps))
    assert steps == 5 + 20 - 1  # 400 codes of 20 a step, after the grace


def test_a_codebook_above_the_limit_goes_on() -> None:
    watch = Guard((100,))
    for step in range(500):
        watch.take([codes(11, seed=step)[0]])


def test_the_limit_is_the_recipe_s_and_none_lets_a_run_go_on() -> None:
    strict, none = Guard((100,), 0.5), Guard((100,), 0)
    with pytest.raises(CodebookCollapse, match=r"it uses 40 of 100 words \(40.0 %, under 50 %\)"):
        for step in range(500):
            strict.take([codes(40, seed=step)[0]])
    for step in range(500):
        none.take([codes(1, seed=step)[0]])


def test_few_codes_are_no_collapse_however_few_words() -> None:
    watch = Guard((10_000,))
    for step in range(100):
        assert watch.take([codes(5, 10, step)[0]])["use1"] < 0.1


def test_what_happens_in_the_grace_is_forgotten() -> None:
    watch = Guard((100,))
    for step in range(5):
        watch.take([torch.zeros(1, 200, dtype=torch.long)])
    assert watch.take([torch.arange(100)])["use1"] == 1.0


def test_a_collapse_later_on_is_seen() -> None:
    watch = Guard((100,))
    for step in range(60):
        watch.take([codes(100, seed=step)[0]])
    with pytest.raises(CodebookCollapse):
        for _ in range(21):
            watch.take([codes(3)[0]])


def test_a_resumed_window_is_the_same() -> None:
    one, two = Guard(SIZES), Guard(SIZES)
    for step in range(12):
        one.take(codes(50, seed=step))
    two.load_state_dict(one.state_dict())
    assert [one.take(codes(50, seed=s)) for s in range(40)] == [
        two.take(codes(50, seed=s)) for s in range(40)]


def test_a_collapsing_run_stops_with_one_line_and_keeps_its_checkpoint(
    recipe: Callable, words: FrozenWords, pair: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    config = recipe(steps=60, save_every=4, evaluate_every=100, llm=str(pair))
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(dataclasses.asdict(config)))
    fit = Trainer.fit_codebooks

    def all_alike(trainer: Trainer) -> None:
        fit(trainer)
        for book in trainer.trained.quantizer.codebooks:
            book.embeddings[1:] = 1000.0
            book.projection.requires_grad_(False)

    monkeypatch.setattr(Trainer, "fit_codebooks", all_alike)
    assert main(["train", str(path)]) == 1
    err = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(err) == 1 and "has collapsed: it uses 1 of " in err[0] and "unquantised" in err[0]
    state = torch.load(tmp_path / "out" / "train" / "state.pt", weights_only=True)
    assert 3 < state["step"] < 60 and state["step"] % 4 == 0
    assert (tmp_path / "out" / "config.json").exists()
