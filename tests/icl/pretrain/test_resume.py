"""A run goes on after a stop as if there had been none, and a bad step spoils nothing."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from icl.pretrain.config import PretrainConfig
from icl.pretrain.model import LossModel
from icl.pretrain.train import Pretrainer


def losses(config: PretrainConfig) -> dict[int, float]:
    """Loss of every step of the log; the last word counts where a step was run twice."""
    lines = (Path(config.out) / "train" / "log.jsonl").read_text().splitlines()
    rows = map(json.loads, lines)
    return {row["step"]: row["loss"] for row in rows if row["kind"] != "evaluation"}


def test_going_on_after_a_stop_gives_the_same_losses(recipe, tmp_path, monkeypatch):
    whole = recipe(steps=6)
    Pretrainer(whole).train()
    broken = dataclasses.replace(whole, out=str(tmp_path / "broken"))
    stopped = Pretrainer(broken)
    update = stopped._update

    def stop_at_three(batch):
        if stopped.step == 3:
            raise KeyboardInterrupt
        return update(batch)

    monkeypatch.setattr(stopped, "_update", stop_at_three)
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    assert max(losses(broken)) == 2
    again = Pretrainer(broken)
    again.train()
    assert losses(broken) == losses(whole) and len(losses(whole)) == 6
    for name in ("tokenizer.json", "model.safetensors"):
        one, two = ((Path(c.out) / name).read_bytes() for c in (whole, broken))
        assert one == two


def test_strings_are_drawn_among_the_embeddings_that_the_run_has(recipe):
    config = recipe(steps=2)
    Pretrainer(config).train()
    path = Path(config.out) / "train" / "state.pt"
    state = torch.load(path, weights_only=True)
    for name, weight in state["model"].items():  # as another machine's decomposition may be
        if name.endswith(("embed_tokens.weight", "lm_head.weight")):
            state["model"][name] = -weight
    torch.save(state, path)
    again = Pretrainer(dataclasses.replace(config, steps=3))
    before = again.curriculum.space
    again.resume()
    assert again.evaluation.curriculum is again.curriculum
    place = before.points[:9]
    assert np.array_equal(again.curriculum.space.points[:9], -place) and place.any()


@pytest.fixture
def one_thread():
    """Sums of two processes are equal in one order alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_a_killed_run_goes_on_to_the_same_losses_and_weights(recipe, tmp_path, one_thread):
    whole = recipe(steps=30, save_every=4)
    Pretrainer(whole).train()
    broken = dataclasses.replace(whole, out=str(tmp_path / "broken"))
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(dataclasses.asdict(broken)))
    command = [sys.executable, "-m", "icl.cli", "pretrain", str(path), "--threads", "1"]
    log = Path(broken.out) / "train" / "log.jsonl"
    end = time.monotonic() + 600
    with subprocess.Popen(command, cwd=Path(__file__).parents[3]) as process:
        while process.poll() is None and not (log.exists() and log.read_bytes().count(b"\n") > 9):
            if time.monotonic() > end:
                break
            time.sleep(0.01)
        process.kill()
    assert 9 < len(losses(broken)) < 30  # it was killed on the way
    Pretrainer(broken).train()
    assert losses(broken) == losses(whole) and len(losses(whole)) == 30
    one, two = ((Path(c.out) / "model.safetensors").read_bytes() for c in (whole, broken))
    assert one == two


def test_a_kill_after_the_last_state_was_saved_loses_no_model(recipe, monkeypatch):
    config = recipe(steps=4, save_every=2, evaluate_every=4)
    export, number = Pretrainer.export, []

    def killed(trainer):
        number.append(trainer.step)
        if trainer.step == 4:
            raise KeyboardInterrupt
        export(trainer)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Pretrainer, "export", killed)
        Pretrainer(config).train()
    assert number == [2, 4]
    trainer = Pretrainer(config)
    trainer.train()
    model = AutoModelForCausalLM.from_pretrained(config.out)
    for name, value in model.state_dict().items():
        assert torch.equal(value, trainer.model.state_dict()[name].half()), name
    log = (Path(config.out) / "train" / "log.jsonl").read_text()
    assert log.count('"evaluation"') == 1 and (Path(config.out) / "curves.svg").exists()


def test_a_gradient_that_is_no_number_stops_the_run_and_spoils_nothing(recipe, monkeypatch):
    config = recipe(steps=6, save_every=2)
    forward = LossModel.forward

    def broken(loss, input_ids, target):
        return forward(loss, input_ids, target) * (np.nan if trainer.step == 4 else 1)

    with monkeypatch.context() as patch:
        patch.setattr(LossModel, "forward", broken)
        trainer = Pretrainer(config)
        with pytest.raises(ValueError, match="gradient of step 4 is nan .*checkpoint is kept"):
            trainer.train()
    state = torch.load(Path(config.out) / "train" / "state.pt", weights_only=True)
    assert state["step"] == 4
    assert all(value.isfinite().all() for value in state["model"].values())
    Pretrainer(config).train()
    assert sorted(losses(config)) == list(range(6))


@pytest.mark.slow
def test_two_processes_train_one_model(recipe, tmp_path):
    alone = recipe(steps=6)
    config = dataclasses.replace(alone, out=str(tmp_path / "together"))
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(dataclasses.asdict(config)))
    launch = ["torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    command = [sys.executable, "-m", *launch, "-m", "icl.cli", "pretrain", str(path)]
    subprocess.run(command, cwd=Path(__file__).parents[3], check=True, timeout=300,
                   env=os.environ | {"ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"})
    Pretrainer(alone).train()
    together, own = losses(config), losses(alone)
    assert sorted(together) == list(range(6)) and together[0] == pytest.approx(own[0], abs=1e-3)
    assert all(abs(together[step] - own[step]) > 1e-3 for step in range(1, 6))  # both count


def test_a_finished_run_stays_as_it_is(recipe):
    config = recipe()
    Pretrainer(config).train()
    before = losses(config)
    Pretrainer(config).train()
    assert losses(config) == before
