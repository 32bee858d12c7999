"""The ablation table: one run for each loss left out, resumed after a stop, read from a record."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_codec.cli import main
from llm_codec.run import read_log
from llm_codec.training import guard
from llm_codec.training.ablation import ALL, Ablation
from llm_codec.training.trainer import Trainer

WEIGHTS = {"mel": 1.0, "commitment": 1.0, "consistency": 0.5, "isotropy": 0.1}


@pytest.fixture
def config(recipe: Callable, pair: Path):
    return recipe(llm=str(pair), weights=WEIGHTS, steps=4, unquantised=2, evaluate_clips=2)


def records(config) -> list[dict]:
    lines = (Path(config.out) / "ablation" / "record.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_the_command_prints_a_table_of_every_run(
    config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(dataclasses.asdict(config)))
    options = ["--ablate", "consistency,isotropy+consistency", "--seeds", "2", "--steps", "3"]
    assert main(["train", str(path), *options]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [row.split("|")[1].strip() for row in table] == [
        "run", "---", "all losses", "without consistency", "without isotropy, consistency"]
    assert "mel ↓" in table[0] and "2-way 1-shot" in table[0] and "±" in table[2]
    assert (Path(config.out) / "ablation" / "table.md").read_text().splitlines() == table
    found = records(config)
    assert [(row["without"], row["seed"]) for row in found] == [
        (name, seed) for seed in (0, 1) for name in (ALL, "consistency", "isotropy+consistency")]
    assert {row["steps"] for row in found} == {3} and len({row["llm"] for row in found}) == 1
    assert len({row["codec"] for row in found}) == 6  # each run is another
    (log,) = Path(config.out).glob("ablation/all-losses-0/train/log.jsonl")
    last = [row for row in read_log(log) if row["kind"] == "train"][-1]  # of training, not of few
    assert [found[0]["evaluation"][key] for key in ("use1", "entropy1")] == [
        last["use1"], last["entropy1"]]
    assert len(list((Path(config.out) / "ablation" / "cache").glob("*.pcm"))) == 2  # shared


def test_a_stopped_ablation_goes_on_with_the_run_it_was_in(
    config, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = dataclasses.replace(config, out=config.out + "-whole")
    Ablation(whole, ["consistency"]).run()
    real, steps = Trainer._update, []

    def count(trainer: Trainer) -> dict:
        steps.append(trainer.step)
        if len(steps) == 8:  # the last step of the second run
            raise KeyboardInterrupt
        return real(trainer)

    monkeypatch.setattr(Trainer, "_update", count)
    with pytest.raises(KeyboardInterrupt):
        Ablation(config, ["consistency"]).run()
    assert len(records(config)) == 1
    Ablation(config, ["consistency"]).run()
    assert steps == [0, 1, 2, 3, 0, 1, 2, 3, 2, 3]  # from its last checkpoint
    drop = {"settings"}
    assert [{k: v for k, v in row.items() if k not in drop} for row in records(config)] == [
        {k: v for k, v in row.items() if k not in drop} for row in records(whole)]


def test_a_collapse_is_a_row_of_the_table(config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "GRACE", 0)
    monkeypatch.setattr(guard, "DRAWS", 0.1)
    config = dataclasses.replace(config, lowest_use=1.0)
    table = Ablation(config, ["isotropy"]).run()
    assert "all losses (1 collapsed)" in table and "without isotropy (1 collapsed)" in table
    assert all("scale 1 has collapsed" in row["collapsed"] for row in records(config))
    assert Ablation(config, ["isotropy"]).run() == table


def test_what_cannot_be_left_out_is_said(config) -> None:
    with pytest.raises(ValueError, match="semantic, stft cannot be left out: the recipe's weights"):
        Ablation(config, ["semantic", "stft"])
    with pytest.raises(ValueError, match="no loss left"):
        Ablation(dataclasses.replace(config, weights={"mel": 1.0}), ["mel"])


def test_a_record_of_other_settings_is_not_mixed_in(config) -> None:
    Ablation(config, ["isotropy"]).run()
    with pytest.raises(ValueError, match="record.jsonl is of other settings; give another --out"):
        Ablation(dataclasses.replace(config, steps=5), ["isotropy"]).run()
