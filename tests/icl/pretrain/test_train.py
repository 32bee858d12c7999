"""Training reads text alone, goes on after a stop as if there had been none, and saves a model."""

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
from transformers import AutoModelForCausalLM, AutoTokenizer

from icl import cli
from icl.pretrain.config import PretrainConfig
from icl.pretrain.model import LossModel
from icl.pretrain.train import Pretrainer


def losses(config: PretrainConfig) -> dict[int, float]:
    """Loss of every step of the log; the last word counts where a step was run twice."""
    lines = (Path(config.out) / "train" / "log.jsonl").read_text().splitlines()
    rows = map(json.loads, lines)
    return {row["step"]: row["loss"] for row in rows if row["kind"] != "evaluation"}


@pytest.fixture
def opened():
    """Paths that Python opened while the test ran."""
    paths: list[Path] = []
    watching = [True]  # a hook cannot be taken off again

    def note(event: str, args: tuple) -> None:
        if watching and event == "open" and isinstance(args[0], str | bytes):
            paths.append(Path(args[0] if isinstance(args[0], str) else args[0].decode()))

    sys.addaudithook(note)
    yield paths
    watching.clear()


def test_training_reads_text_and_the_words_alone(recipe, text_folder, opened):
    Pretrainer(recipe()).train()
    read = {path.name for path in opened if path.is_relative_to(text_folder)}
    assert read == {"one.txt", "two.txt.xz", "words.tsv"}


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


def test_a_killed_run_goes_on_to_the_same_losses(recipe, tmp_path):
    whole = recipe(steps=30, save_every=4)
    Pretrainer(whole).train()
    broken = dataclasses.replace(whole, out=str(tmp_path / "broken"))
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(dataclasses.asdict(broken)))
    command = [sys.executable, "-m", "icl.cli", "pretrain", str(path), "--threads", "1"]
    log = Path(broken.out) / "train" / "log.jsonl"
    with subprocess.Popen(command, cwd=Path(__file__).parents[3]) as process:
        while process.poll() is None and not (log.exists() and log.read_bytes().count(b"\n") > 9):
            time.sleep(0.01)
        process.kill()
    assert 9 < len(losses(broken)) < 30  # it was killed on the way
    Pretrainer(broken).train()
    found, expected = losses(broken), losses(whole)
    assert len(found) == 30 and found == pytest.approx(expected, abs=2e-3)


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


def test_evaluation_is_logged_and_drawn(recipe):
    config = recipe(steps=4, evaluate_every=2)
    Pretrainer(config).train()
    lines = (Path(config.out) / "train" / "log.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["kind"] == "evaluation"]
    assert [row["step"] for row in rows] == [2, 4]
    assert {"prose", "matching", "lookup"} <= rows[0].keys()
    assert rows[0]["matching"].keys() == {"loss", "right"}
    assert "</svg>" in (Path(config.out) / "curves.svg").read_text()


def test_a_finished_run_stays_as_it_is(recipe):
    config = recipe()
    Pretrainer(config).train()
    before = losses(config)
    Pretrainer(config).train()
    assert losses(config) == before


def test_the_model_loads_as_any_other(recipe):
    config = recipe()
    trainer = Pretrainer(config)
    trainer.train()
    folder = Path(config.out)
    assert (folder / "model.safetensors").stat().st_size <= 16 * 2**20
    model, tokenizer = (
        kind.from_pretrained(folder) for kind in (AutoModelForCausalLM, AutoTokenizer)
    )
    assert {p.dtype for p in model.parameters()} == {torch.float16}
    for name, value in model.state_dict().items():
        assert torch.equal(value, trainer.model.state_dict()[name].half()), name
    assert len(tokenizer) == model.config.vocab_size and model.config.max_position_embeddings == 128
    ids = tokenizer("the river", return_tensors="pt").input_ids
    assert model(input_ids=ids).logits.isfinite().all()


def test_a_warm_run_begins_with_all_weights_of_its_start(recipe, tmp_path):
    first = recipe()
    Pretrainer(first).train()
    later = Pretrainer(recipe(start=first.out, warm=True, seed=1, out=str(tmp_path / "later")))
    model = AutoModelForCausalLM.from_pretrained(first.out, dtype=torch.float32)
    for name, value in later.model.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    table = model.get_input_embeddings().weight.detach().numpy()
    assert np.array_equal(later.curriculum.space.points, table[later.words, :4])
    later.train()
    assert np.array_equal(later.model.get_input_embeddings().weight.detach().numpy(), table)
    with pytest.raises(ValueError, match="layers, hidden or vocabulary_size are not those of its"):
        Pretrainer(recipe(start=first.out, warm=True, layers=5, out=str(tmp_path / "deeper")))


def test_saving_leaves_no_half_written_file(recipe):
    config = recipe()
    Pretrainer(config).train()
    files = {str(path.relative_to(config.out)) for path in Path(config.out).rglob("*")}
    (corpus,) = (file for file in files if file.startswith("train/corpus-"))
    assert files - {corpus} == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json", "curves.svg", "train", "train/log.jsonl", "train/state.pt",
    }  # fmt: skip


def test_a_failed_save_leaves_the_model_before_it(recipe, monkeypatch):
    trainer = Pretrainer(recipe())
    trainer.save()
    folder = Path(trainer.config.out)
    before = (folder / "model.safetensors").read_bytes()

    def half_way(model, target):
        (Path(target) / "model.safetensors").write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("transformers.LlamaForCausalLM.save_pretrained", half_way)
    with pytest.raises(OSError, match="no space left"):
        trainer.save()
    assert (folder / "model.safetensors").read_bytes() == before


def test_training_lowers_the_loss(recipe):
    config = recipe(steps=40, prose_from=0.0, prose_share=1.0, save_every=20)
    Pretrainer(config).train()
    found = losses(config)
    assert np.mean([found[s] for s in range(30, 40)]) < np.mean([found[s] for s in range(5)]) - 0.3


@pytest.mark.parametrize(
    "change",
    [
        "{not json", "[]", {"stepz": 3}, {"text": "nowhere"}, {"words": "nowhere.tsv"},
        {"steps": "many"}, {"text": None}, {"games": {"chess": 1}}, {"vocabulary_size": 100},
    ],
)  # fmt: skip
def test_a_bad_recipe_is_one_line(recipe, tmp_path, capfd, change):
    path = tmp_path / "recipe.json"
    values = dataclasses.asdict(recipe())
    path.write_text(change if isinstance(change, str) else json.dumps(values | change))
    assert_refused(["pretrain", str(path)], capfd)
    assert not (tmp_path / "out").exists()


WRONG = [[], ["nowhere.json"], ["a.json", "--steps", "x"], ["a.json", "--what"]]


@pytest.mark.parametrize("argv", WRONG)
def test_wrong_use_is_one_line(argv, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert_refused(["pretrain", *argv], capfd)


def assert_refused(argv: list[str], capfd: pytest.CaptureFixture) -> None:
    try:
        code = cli.main(argv)
    except SystemExit as stopped:
        code = stopped.code
    captured = capfd.readouterr()
    assert code in (1, 2) and captured.out == ""
    assert captured.err.startswith("icl: error: ") and captured.err.count("\n") == 1


def test_the_command_trains(recipe, tmp_path, capfd):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(dataclasses.asdict(recipe())))
    argv = ["pretrain", str(path), "--out", str(tmp_path / "there"), "--steps", "2"]
    assert cli.main(argv) == 0
    assert "Traceback" not in capfd.readouterr().err
    assert (tmp_path / "there" / "model.safetensors").is_file()
