"""The shipped pair is what its card says, and the figures quoted are those of the records."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from icl import FewShotClassifier
from icl.llm import as_llm
from llm_codec import LLMCodec

ROOT = Path(__file__).parents[1]
POCKET = ROOT / "checkpoints" / "pocket"
CARD = ROOT / "checkpoints" / "README.md"
RECORDS = sorted(path for path in POCKET.glob("records/*.json") if path.stem != "speed")
CLIPS = ROOT / "demos" / "examples"
LIMIT = 16 * 2**20  # bytes of one file


@pytest.fixture(scope="module")
def codec() -> LLMCodec:
    return LLMCodec.from_pretrained("pocket")


def test_card_names_every_weight_file_and_its_sum():
    card = CARD.read_text("utf-8")
    for path in sorted(POCKET.rglob("*.safetensors")):
        assert path.stat().st_size <= LIMIT, path
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert f"| `{path.relative_to(ROOT / 'checkpoints')}` |" in card and digest in card, path


def test_language_model_loads_without_this_project():
    model = AutoModelForCausalLM.from_pretrained(POCKET / "llm")
    tokenizer = AutoTokenizer.from_pretrained(POCKET / "llm")
    assert model.config.max_position_embeddings >= 2048
    assert model.get_input_embeddings().weight.shape[0] == len(tokenizer)
    text = 'She said: "3 × 14 = 42?" — naïve, 漢字, ok.\n'
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_every_code_is_one_token_of_the_language_model(codec):
    words = codec.vocabulary.bind(AutoTokenizer.from_pretrained(POCKET / "llm"))
    assert all(len(ids) == 1 for scale in words.token_ids for ids in scale)
    assert codec.config.bits_per_second <= 750


@pytest.mark.parametrize("clip", ["digits/three/american-f-1.flac", "sounds/bell/1.flac"])
def test_a_clip_keeps_its_length_and_decodes_to_the_same_bytes(codec, clip):
    codes = codec.encode(CLIPS / clip)
    first, second = codec.decode(codes, seed=3), codec.decode(codes, seed=3)
    assert first.shape[-1] == int(codes.num_samples[0])
    assert torch.equal(first, second) and 1e-3 < first.square().mean().sqrt() < 1


def test_one_example_each_names_shipped_sounds():
    names = ("bell", "rain", "siren", "knock")
    learner = FewShotClassifier().fit([CLIPS / f"sounds/{name}/1.flac" for name in names], names)
    queries = [CLIPS / f"sounds/{name}/{take}.flac" for name in names for take in (2, 3)]
    assert learner.score(queries, [name for name in names for _ in (2, 3)]) > 0.5  # chance 0.25


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_records_are_of_the_shipped_pair(path, codec):
    record = json.loads(path.read_text("utf-8"))
    made_by = {"codec": codec.fingerprint, "vocabulary": codec.vocabulary.fingerprint,
               "llm": as_llm("pocket").fingerprint}
    assert record["fingerprints"] == made_by
    assert record["n"] == len(record["items"]) and record["command"].startswith("icl evaluate")
    right = sum(item["predicted"] == item["gold"] for item in record["items"])
    assert record["accuracy"] == right / record["n"]


@pytest.mark.parametrize("page", [ROOT / "README.md", CARD], ids=lambda path: str(path.parent.name))
def test_quoted_figures_are_those_of_the_records(page):
    rows = re.findall(r"^\| \[?`?([\w-]+)`?.*?\| ([\d.]+) \(([\d.]+) to ([\d.]+)\) \| (\d+) \|",
                      page.read_text("utf-8"), re.M)
    known = {path.stem: json.loads(path.read_text("utf-8")) for path in RECORDS}
    assert rows, f"{page} quotes no record"
    for name, *figures, count in rows:
        record = known[name]
        expected = [100 * record["accuracy"], *(100 * end for end in record["interval_95"])]
        assert [float(f) for f in figures] == pytest.approx(expected, abs=0.05), name
        assert int(count) == record["n"]


def test_the_main_record_is_clear_of_chance():
    record = json.loads((POCKET / "records" / "fsdd-2way-1shot.json").read_text("utf-8"))
    assert record["split"] == "dev" and record["n"] >= 500
    assert record["interval_95"][0] > record["chance"]
    assert record["clip_bootstrap_interval_95"][0] > record["chance"]
