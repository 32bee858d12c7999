"""The command from recipe to codec; every failure is one line."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_codec import LLMCodec
from llm_codec.cli import main
from llm_codec.training.config import TrainConfig
from llm_codec.training.trainer import Trainer

ROOT = Path(__file__).parents[3]


@pytest.fixture
def files(pair: Path) -> Callable[[], dict[str, str]]:
    """Hashes every file of the LLM."""

    def read() -> dict[str, str]:
        paths = sorted((pair / "llm").rglob("*"))
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in paths if p.is_file()}

    return read


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    def to_file(content: str) -> str:
        path = tmp_path / "recipe.json"
        path.write_text(content)
        return str(path)

    return to_file


def test_the_command_trains_and_leaves_the_llm_alone(
    recipe: Callable, pair: Path, files: Callable[[], dict], write: Callable, corpus: Path,
    tmp_path: Path,
) -> None:
    before, config = files(), recipe(data="elsewhere")
    path = write(json.dumps(dataclasses.asdict(config)))
    options = ["--llm", str(pair), "--data", str(corpus), "--out", str(tmp_path / "codec")]
    assert main(["train", path, "--steps", "4", *options]) == 0
    assert files() == before and len(before) > 2
    codec = LLMCodec.from_pretrained(tmp_path / "codec")
    assert codec.config.embedding_dim == 32 and codec.vocabulary.sizes == (16, 32, 32)
    assert codec.metadata["steps"] == 4


BASE = '"data": "x", "llm": "x", "out": "x"'


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is not JSON"), ('{"colour": 1}', "unknown keys"), ('{"data": "x"}', "lacks llm, out"),
     (f'{{{BASE}, "weights": {{"hum": 1}}}}', "unknown losses ['hum']"),
     (f'{{{BASE}, "codec": {{"latentdim": 16}}}}', "recipe has unknown keys ['latentdim']"),
     (f'{{{BASE}, "codec": {{"vq_strides": 4}}}}', "vq_strides is 4 but must be of type tuple"),
     (f'{{{BASE}, "codec": {{"embedding_dim": 4}}}}', "['embedding_dim'], which follow from the"),
     (f'{{{BASE}, "seconds": 1.2}}', "seconds is 1.2 but crops need 2.4 or more"),
     (f'{{{BASE}, "vocabulary": "all"}}', "must be one of words, portable, whole"),
     (f'{{{BASE}, "precision": "fp8"}}', 'precision is \'fp8\' but must be "no" or "bf16"'),
     (f'{{{BASE}, "levels": [-20, -30]}}', "two numbers each, the lower first"),
     (f'{{{BASE}, "noise_share": 2}}', "noise_share and lowest_use are 2 and 0.1 but must be"),
     (f'{{{BASE}, "evaluate_split": "train"}}', "judged by what it is trained on"),
     (f'{{{BASE}, "steps": 9}}', "steps is 9 but the lookup is switched on at 1000"),
     (f'{{{BASE}, "crops": 0}}', "crops, classes, warmup, save_every"),
     (f'{{{BASE}, "vocabulary": "whole", "word_list": "w"}}', "word_list is 'w', which goes with"),
     (f"{{{BASE}}}", "'x' is no llm")],
)
def test_a_recipe_that_cannot_be_trained_is_one_line(
    write: Callable, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    assert main(["train", write(content)]) == 1
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1 and "Traceback" not in err


@pytest.mark.parametrize(
    "arguments", [["--steps", "0"], ["--colour", "red"], ["--seeds", "2"], []])
def test_wrong_use_is_one_line_and_another_code(
    write: Callable, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    path = [write("{}")] if arguments else []
    assert main(["train", *path, *arguments]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "llm-codec train --help" in err


def test_the_recipe_for_own_data_trains_on_a_folder_of_sounds(tmp_path: Path) -> None:
    given = {"data": str(ROOT / "demos" / "examples" / "sounds"), "out": str(tmp_path)}
    config = TrainConfig.load(ROOT / "llm_codec" / "training" / "own.json", **given)
    config = dataclasses.replace(config, steps=2, unquantised=1, crops=2, classes=2, warmup=1,
                                 evaluate_clips=2)
    Trainer(config, config.read_words()).train()
    codec = LLMCodec.from_pretrained(tmp_path)
    assert codec.metadata["steps"] == 2 and codec.config.coarse_dim == 8


def test_speakers_held_out_that_are_not_there_are_named(
    write: Callable, recipe: Callable[..., TrainConfig], pair: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = recipe(llm=str(pair), held_out=("asc-29", "held"))
    assert main(["train", write(json.dumps(dataclasses.asdict(config))), "--steps", "4"]) == 0
    config = dataclasses.replace(config, held_out=("asc-29",))
    assert main(["train", write(json.dumps(dataclasses.asdict(config)))]) == 1
    err = capsys.readouterr().err.splitlines()[-1]
    assert "no clips by asc-29, whom the recipe holds out (held_out)" in err
