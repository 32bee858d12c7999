"""Training reads text alone, is evaluated on the way, and saves a model."""

import ctypes
import dataclasses
import json
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from icl import cli
from icl.pretrain.train import Pretrainer
from llm_codec.run import read_log


def opened(watch: int) -> set[str]:
    """Names of the files that were opened in a folder that the kernel watches."""
    events, names = os.read(watch, 2**20), set()
    while events:
        size = 16 + struct.unpack_from("I", events, 12)[0]
        names.add(events[16:size].rstrip(b"\0").decode())
        events = events[size:]
    return names - {""}  # the folder itself


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_training_reads_text_and_the_words_alone(recipe, text_folder):
    """Told by the kernel, which also sees what libraries in C open, such as that of audio files."""
    kernel = ctypes.CDLL(None)
    watch = kernel.inotify_init()
    assert kernel.inotify_add_watch(watch, os.fsencode(text_folder), 0x20) > 0  # IN_OPEN
    with open(watch, "rb", buffering=0):  # closes it
        Pretrainer(recipe()).train()
        assert opened(watch) == {"one.txt", "two.txt.xz", "words.tsv"}


def test_prose_is_evaluated_on_documents_that_are_never_trained_on(
    recipe, text_folder, documents, capsys
):
    texts = [f"Tale {number}.\n{documents[number % 60]}" for number in range(120)]
    (text_folder / "one.txt").write_text("\n\n<|doc|>\n".join(texts), "utf-8")
    trainer = Pretrainer(recipe())
    decode = trainer.tokenizer.decode
    assert decode(trainer.evaluation.prose.tolist()) == f"{texts[49]}</s>{texts[99]}</s>"
    trained = decode(trainer.curriculum.corpus.tolist())
    assert [n for n in range(120) if f"Tale {n}.\n" not in trained] == [49, 99]
    assert "too few documents" not in capsys.readouterr().err


def test_prose_of_a_short_text_is_evaluated_on_what_is_trained_on_and_that_is_said(recipe, capsys):
    trainer = Pretrainer(recipe())
    assert np.array_equal(trainer.evaluation.prose, trainer.curriculum.corpus)
    assert capsys.readouterr().err.count("too few documents to keep some apart") == 1


def test_evaluation_is_logged_and_drawn(recipe):
    config = recipe(steps=4, evaluate_every=2)
    Pretrainer(config).train()
    lines = (Path(config.out) / "train" / "log.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["kind"] == "evaluation"]
    assert [row["step"] for row in rows] == [2, 4]
    assert {"prose", "matching", "lookup"} <= rows[0].keys()
    assert rows[0]["matching"].keys() == {"loss", "right"}
    assert "</svg>" in (Path(config.out) / "curves.svg").read_text()


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
    found = [row["loss"] for row in read_log(Path(config.out) / "train" / "log.jsonl")
             if row["kind"] != "evaluation"]
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
