"""A run goes on after a kill or a full disk as if nothing had been, and leaves whole files."""

from __future__ import annotations

import dataclasses
import errno
import json
import operator
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from llm_codec import LLMCodec, Vocabulary, atomic
from llm_codec.cli import main
from llm_codec.run import RunFolder, read_log
from llm_codec.training.config import TrainConfig
from llm_codec.training.trainer import Trainer
from llm_codec.training.words import FrozenWords

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums of two processes are equal in one order alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def rows(config: TrainConfig) -> dict[tuple[str, int], dict[str, Any]]:
    """Figures of every step and evaluation; the last word counts where one was run twice."""
    found = read_log(Path(config.out) / "train" / "log.jsonl")
    return {(row["kind"], row["step"]): {k: v for k, v in row.items() if k != "time"}
            for row in found}


def saved(config: TrainConfig) -> Path:
    return Path(config.out) / "train" / "state.pt"


def test_a_killed_run_goes_on_to_the_same_curve(
    recipe: Callable[..., TrainConfig], pair: Path, tmp_path: Path
) -> None:
    whole = recipe(llm=str(pair), steps=24, save_every=5, evaluate_every=8)
    broken = dataclasses.replace(whole, out=str(tmp_path / "broken"))
    Trainer(whole, whole.read_words()).train()
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(dataclasses.asdict(broken)))
    command = [sys.executable, "-m", "llm_codec.cli", "train", str(path), "--threads", "1"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    errors = tmp_path / "errors.txt"
    with errors.open("w") as err, subprocess.Popen(command, cwd=ROOT, env=env, stderr=err) as run:
        give_up = time.monotonic() + 120
        while run.poll() is None and not saved(broken).exists() and time.monotonic() < give_up:
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.5))  # at any moment
        run.kill()
    assert saved(broken).exists(), errors.read_text()
    reached = max(step for _, step in rows(broken))
    kept = torch.load(saved(broken), weights_only=True)["step"]
    assert 5 <= kept <= reached + 1 and reached - kept < 8  # lost: steps since it was saved
    Trainer(broken, broken.read_words()).train()
    assert rows(broken) == rows(whole)
    assert len([key for key in rows(whole) if key[0] == "train"]) == 24
    for folder in ("", "best"):
        one, two = (Path(c.out) / folder / "model.safetensors" for c in (whole, broken))
        assert one.read_bytes() == two.read_bytes()
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("name", ["state.pt", "model.safetensors", "curves.svg"])
def test_a_full_disk_is_one_line_and_leaves_what_was_there(
    recipe: Callable[..., TrainConfig], pair: Path, tmp_path: Path, name: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    config = recipe(llm=str(pair), steps=6, save_every=4, evaluate_every=5)
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(dataclasses.asdict(config)))
    real, writes = atomic.write_bytes, []

    def full(target: Path, data: bytes) -> None:
        writes.append(Path(target).name)
        if writes.count(name) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        real(target, data)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_bytes", full)
        assert main(["train", str(path)]) == 1
    err = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(err) == 1 and name in err[0] and "No space left" in err[0]
    state = torch.load(saved(config), weights_only=True)
    assert state["step"] == (5 if name == "curves.svg" else 4)
    assert not list(tmp_path.rglob("*.tmp"))
    assert main(["train", str(path)]) == 0
    assert LLMCodec.from_pretrained(config.out).metadata["steps"] == 6


def test_a_codec_that_a_kill_left_in_two_halves_is_whole_again(
    recipe: Callable[..., TrainConfig], pair: Path
) -> None:
    config = recipe(llm=str(pair))
    words = config.read_words()
    Trainer(config, words).train()
    weights = Path(config.out) / "model.safetensors"
    before = weights.read_bytes()
    weights.write_bytes((Path(config.out) / "best" / "model.safetensors").read_bytes()[:-2] + b"!!")
    with pytest.raises(ValueError, match="do not belong together"):
        LLMCodec.from_pretrained(config.out)
    Trainer(config, words).train()
    assert weights.read_bytes() == before and LLMCodec.from_pretrained(config.out)


def test_another_recipe_in_the_same_folder_is_refused(
    recipe: Callable[..., TrainConfig], words: FrozenWords
) -> None:
    config = recipe()
    Trainer(config, words).train()
    before = saved(config).read_bytes()
    wider = dataclasses.replace(config, steps=9, codec=config.codec | {"decoder_width": 24})
    with pytest.raises(ValueError, match="holds a run of another recipe") as error:
        Trainer(wider, words).train()
    assert "\n" not in str(error.value) and saved(config).read_bytes() == before


def test_around_another_llm_the_words_are_laid_out_anew(
    recipe: Callable[..., TrainConfig], words: FrozenWords
) -> None:
    config = recipe()
    Trainer(config, words).train()
    wider = [torch.cat([table, table.flip(0)], dim=1) for table in words.embeddings]
    other = dataclasses.replace(words, embeddings=wider, llm="fedcba9876543210")
    trainer = Trainer(dataclasses.replace(config, steps=9), other)
    trainer.resume()
    assert trainer.best == float("inf")  # of the other words nothing is known yet
    first = torch.load(saved(config), weights_only=True)["trained"]
    kept = trainer.trained.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in first.items()
               if name.startswith(("encoder", "decoder")))
    trainer.train()
    for folder in (config.out, f"{config.out}/best"):
        codec = LLMCodec.from_pretrained(folder)
        assert codec.metadata["llm"] == other.llm and codec.config.embedding_dim == 48


@pytest.mark.parametrize("place", ["decoded", "state.pt", "model.safetensors", "config.json"])
def test_killed_between_writing_a_file_and_its_name_a_run_goes_on(
    recipe: Callable[..., TrainConfig], pair: Path, tmp_path: Path, place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stand-in for SIGKILL: no ``finally`` cleans up after it."""
    config = recipe(llm=str(pair), evaluate_every=5)
    words, real, seen = config.read_words(), os.replace, []

    def die(source: Path, target: Path) -> None:
        seen.append(Path(target).name)
        late = place == "decoded" or seen.count(place) > 1
        if late and seen[-1].endswith("npy" if place == "decoded" else place):
            kept = Path(source).with_name(f"{Path(source).name}.tmp")
            shutil.copy(source, kept)  # what a kill would leave, which a cleanup does not know
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            Trainer(config, words).train()
    assert list(tmp_path.rglob("*.tmp"))
    Trainer(config, words).train()
    whole = dataclasses.replace(config, out=str(tmp_path / "whole"))
    Trainer(whole, words).train()
    assert rows(config) == rows(whole) and not list(tmp_path.rglob("*.tmp"))
    for name in ("model.safetensors", "best/model.safetensors", "config.json"):
        assert (Path(config.out) / name).read_bytes() == (Path(whole.out) / name).read_bytes()


def test_other_words_of_the_same_llm_are_laid_out_anew(
    recipe: Callable[..., TrainConfig], words: FrozenWords
) -> None:
    config = recipe()
    Trainer(config, words).train()
    turned = Vocabulary([[*scale][::-1] for scale in words.vocabulary.scales])
    other = dataclasses.replace(words, embeddings=[t.flip(0) for t in words.embeddings],
                                vocabulary=turned)
    with pytest.raises(ValueError, match="holds a finished run around another LLM or other words"):
        Trainer(config, other).train()
    trainer = Trainer(dataclasses.replace(config, steps=9), other)
    trainer.resume()
    assert trainer.best == float("inf")
    trainer.train()
    assert LLMCodec.from_pretrained(config.out).vocabulary.scales == turned.scales


def test_a_finished_run_is_not_laid_out_anew_around_another_llm(
    recipe: Callable[..., TrainConfig], words: FrozenWords
) -> None:
    config = recipe()
    Trainer(config, words).train()
    before = saved(config).read_bytes()
    other = dataclasses.replace(words, llm="fedcba9876543210")
    with pytest.raises(ValueError, match="holds a finished run around another LLM"):
        Trainer(config, other).train()
    assert saved(config).read_bytes() == before


def test_a_line_that_was_cut_short_spoils_no_other(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.log(step=0)
    with folder.log_file.open("a") as file:
        file.write('{"step": 1, "lo')
    folder.log(step=2)
    assert [row["step"] for row in read_log(folder.log_file)] == [0, 2]


@pytest.mark.slow
@pytest.mark.parametrize("weights", [None, {"mel": 1.0}], ids=["usual", "mel-alone"])
def test_two_processes_train_one_model(
    recipe: Callable[..., TrainConfig], pair: Path, tmp_path: Path,
    weights: dict[str, float] | None,
) -> None:
    given = {"weights": weights} if weights else {}
    alone = recipe(llm=str(pair), steps=6, out=str(tmp_path / "alone"), **given)
    config = dataclasses.replace(alone, out=str(tmp_path / "together"))
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(dataclasses.asdict(config)))
    launch = ["torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    command = [sys.executable, "-m", *launch, "-m", "llm_codec.cli", "train", str(path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300, env=os.environ | {
        "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"})
    Trainer(alone, alone.read_words()).train()
    mel, own = ([rows(c)["train", step]["mel"] for step in range(6)] for c in (config, alone))
    assert mel[0] == own[0] and all(map(operator.ne, mel[1:], own[1:]))  # rows of both count
    assert LLMCodec.from_pretrained(config.out).metadata["steps"] == 6
