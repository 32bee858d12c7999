"""All loss terms in one run: each reaches the encoder, none the language model."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from llm_codec.run import read_log
from llm_codec.training import adversary
from llm_codec.training.config import TrainConfig
from llm_codec.training.terms import build_terms, loss_names
from llm_codec.training.trainer import Trainer
from llm_codec.training.words import read_words

Run = Callable[..., Trainer]


class StandIn(nn.Module):
    """Answers as the real discriminators do, where those do not load."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 4, 15, stride=4)
        self.score = nn.Conv1d(4, 1, 3)

    def forward(self, wave: Tensor) -> list[list[Tensor]]:
        features = nn.functional.leaky_relu(self.first(wave), 0.1)
        return [[features, self.score(features)]]


def loads(module: str) -> bool:
    try:
        importlib.import_module(module)
    except (ImportError, OSError, RuntimeError):
        return False
    return True


@pytest.fixture(params=["stand-in", "real"])
def run(
    request: pytest.FixtureRequest, recipe: Callable[..., TrainConfig], pair: Path, t5: str,
    whisper: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Builds a run of six steps with every term; lookup and discriminators start at step 3."""
    if request.param == "stand-in":
        monkeypatch.setattr(adversary, "build_discriminator", lambda *_: StandIn())
    elif not loads("dac.model.discriminator"):
        pytest.skip("descript-audio-codec does not load here")
    options = {
        "consistency": {"whisper": whisper}, "semantic": {"encoder": t5},
        "predictability": {"words": 50},
        "adversarial": {"start": 3, "periods": [2], "fft_sizes": [256]},
    }
    words = read_words(str(pair), (16, 32, 32))

    def build(name: str) -> Trainer:
        weights = dict.fromkeys(loss_names(), 0.5)
        return Trainer(recipe(out=str(tmp_path / name), llm=str(pair), weights=weights,
                              options=options), words)

    return build


def log(trainer: Trainer) -> list[dict[str, float]]:
    rows = [row for row in read_log(trainer.folder.log_file) if row["kind"] == "train"]
    return [{k: v for k, v in row.items() if k not in ("time", "kind")} for row in rows]


def hashes(pair: Path) -> list[str]:
    return [hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(pair.glob("llm/*"))]


def test_a_run_with_every_term_repeats_and_leaves_the_llm_alone(run: Run, pair: Path) -> None:
    before = hashes(pair)
    first, second = run("first"), run("second")
    first.train(), second.train()
    rows = log(first)
    assert rows == log(second)
    assert set(rows[-1]) >= {*loss_names(), "discriminator"}
    assert not {"adversarial", "features", "semantic", "discriminator"} & set(rows[2])
    assert all(torch.tensor(list(row.values())).isfinite().all() for row in rows)
    assert hashes(pair) == before


def test_a_stopped_run_goes_on_with_its_discriminators(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = run("whole"), run("stopped")
    whole.train()
    update = stopped._update
    monkeypatch.setattr(stopped, "_update", lambda: 1 / (4 - stopped.step) and update())
    with pytest.raises(ZeroDivisionError):
        stopped.train()
    rest = run("stopped")
    rest.train()
    assert log(rest) == log(whole)
    state = rest.trained.state_dict()
    assert any("discriminator" in name for name in state)
    for name, value in whole.trained.state_dict().items():
        assert not isinstance(value, Tensor) or torch.equal(value, state[name]), name


def test_every_loss_reaches_the_encoder(run: Run) -> None:
    trainer = run("gradients")
    trainer.fit_codebooks()
    rows = trainer.sampler.bank.rows
    trainer.step = next(step for step in range(3, 50) if any(
        rows[span.clip]["label"] for span in trainer.sampler.crops(2, step).spans))
    losses, _ = trainer.trained(trainer.step, True, *trainer._batch())
    assert set(losses) == set(loss_names())
    encoder = [p for p in trainer.trained.encoder.parameters() if p.requires_grad]
    for name, loss in losses.items():
        grads = torch.autograd.grad(loss, encoder, retain_graph=True, allow_unused=True)
        total = sum(grad.abs().sum() for grad in grads if grad is not None)
        assert total > 0 and total.isfinite(), name


def test_terms_of_weight_zero_ask_for_nothing(
    setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setitem(sys.modules, "dac.model.discriminator", None)
    weights = dict.fromkeys(loss_names(), 0.0) | {"mel": 1.0, "consistency": 1.0}
    options = {"semantic": {"encoder": "none"}, "adversarial": {"start": 3}}
    built = build_terms(setting(llm="no/such", weights=weights, options=options))
    assert [term.losses for term in built] == [("mel", "stft"), ("consistency",)]
