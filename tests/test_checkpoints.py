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
from icl.evaluation import read_records
from icl.evaluation.summary import summarise
from icl.llm import as_llm
from llm_codec import LLMCodec
from llm_codec.bench import table, words_table
from llm_codec.bench.journal import read_lines

ROOT = Path(__file__).parents[1]
POCKET = ROOT / "checkpoints" / "pocket"
CARD = ROOT / "checkpoints" / "README.md"
RECORDS = [r for path in sorted(POCKET.glob("records/protocol.jsonl")) for r in read_records(path)]
RECONSTRUCTION = POCKET / "records" / "reconstruction.jsonl"
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


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_records_are_finished_and_of_the_shipped_pair(record, codec):
    assert record.run["fingerprints"] == {
        "codec": codec.fingerprint,
        "vocabulary": codec.vocabulary.fingerprint,
        "llm": as_llm("pocket").fingerprint,
    }
    assert record.run["command"].startswith("icl evaluate")
    assert json.loads(json.dumps(summarise(record.items))) == {
        key: value for key, value in record.summary.items() if key != "type"
    }


@pytest.mark.parametrize("page", [ROOT / "README.md", CARD], ids=lambda path: str(path.parent.name))
def test_quoted_figures_are_those_of_the_records(page):
    rows = re.findall(
        r"^\| `([\w -]+)` .*?\| ([\d.]+) \(([\d.]+) to ([\d.]+)\) \| (\d+) "
        r"\| ([\d.]+) \| ([\d.]+) \| (\d+) \|$",
        page.read_text("utf-8"), re.M,
    )  # fmt: skip
    known = {record.name: record.summary for record in RECORDS}
    assert rows, f"{page} quotes no record"
    for name, *shares, count, mfcc, words, chance in rows:
        summary, references = known[name], known[name]["references"]
        expected = [summary["accuracy"], *summary["clip_bootstrap_interval_95"]]
        expected += [references[f"{kind}_nearest_mean"]["accuracy"] for kind in ("mfcc", "words")]
        quoted = [float(share) / 100 for share in (*shares, mfcc, words)]
        assert quoted == pytest.approx(expected, abs=0.00051), name
        assert int(chance) == round(100 * summary["chance"]), name
        assert int(count) == summary["n"]


def test_the_main_record_is_clear_of_chance():
    name = "fsdd 2-way 1-shot orders 4 views 4 views_shown 4"
    (record,) = (record for record in RECORDS if record.name == name)
    summary = record.summary
    assert record.run["row"]["split"] == "dev" and summary["n"] >= 500
    assert summary["interval_95"][0] > summary["chance"]
    assert summary["clip_bootstrap_interval_95"][0] > summary["chance"]


def test_reconstruction_is_of_the_shipped_codec(codec):
    head, data, *lines = read_lines(RECONSTRUCTION)
    by_name = {row["codec"]: row for row in head["codecs"]}
    assert by_name["pocket"]["fingerprints"] == {
        "codec": codec.fingerprint, "vocabulary": codec.vocabulary.fingerprint,
    }
    assert head["settings"]["split"] == "dev" and head["skipped"] == []
    assert data["clips"] == sum(head["clips"].values()) and data["unreadable"] == 0
    assert {"codec2@700", "codec2@3200", "opus@6", "opus@12", "speex@4"} <= set(by_name)
    assert {line["line"] for line in lines} == {
        "codebook", "summary", "source", "difference", "cost", "labelled", "reference", "words"}
    rates = {row["kind"]: row["bits_per_second"] for row in lines
             if row["line"] == "summary" and row["codec"] == "pocket"}
    assert max(rates.values()) <= 750 and {"speech", "sound", "music"} <= set(rates)
    mel = {row["kind"]: row["metrics"]["mel"]["mean"] for row in lines
           if row["line"] == "summary" and row["codec"] == "pocket"}
    assert max(mel["sound"], mel["music"]) <= 1.25 * mel["speech"]


def test_reconstruction_is_quoted_as_recorded():
    readme = (ROOT / "README.md").read_text("utf-8")
    lines = [*read_lines(RECONSTRUCTION)]
    quoted = re.search(r"<!-- reconstruction -->\n(.*?)\n<!-- end reconstruction -->", readme, re.S)
    assert quoted[1] == table.markdown(table.overview(lines))
    counts = lines[0]["clips"]
    for kind in ("speech", "sound", "music"):
        assert f"{counts[kind]} of {kind}" in " ".join(readme.split()), kind
    drawing = (POCKET / "reconstruction.svg").read_text("utf-8")
    assert all(f">{name}<" in drawing for name in ("pocket", "codec2", "opus", "speex"))
    card = CARD.read_text("utf-8")
    assert lines[0]["command"] in card.replace(" \\\n  ", " ")
    for name in ("pesq_wb", "stoi", "mel"):
        shown = table.markdown(table.source_table(lines, name))
        quoted = re.search(f"<!-- {name} by source -->\n(.*?)\n<!-- end {name}", card, re.S)
        assert quoted[1] == shown


@pytest.mark.parametrize("part", ["speech", "librispeech", "voicebank-demand"])
def test_speech_is_nearer_than_by_codec2_at_its_own_rate(part):
    rows = {row["codec"]: row["metrics"] for row in read_lines(RECONSTRUCTION)
            if part in (row.get("source"), row["line"] == "summary" and row["kind"])
            and row["kind"] == "speech"}
    ours, other = rows["pocket"], rows["codec2@700"]
    for name, sign in (("pesq_wb", 1), ("stoi", 1), ("mel", -1)):
        assert sign * (ours[name]["mean"] - other[name]["mean"]) > 0, name


def test_the_words_are_those_of_the_shipped_codec_and_quoted_as_recorded(codec):
    lines = [*read_lines(RECONSTRUCTION)]
    (row,) = (line for line in lines if line["line"] == "words")
    assert row["fingerprints"]["codec"] == codec.fingerprint
    assert lines[0]["settings"]["split"] == "dev"
    quoted = re.search(r"<!-- words -->\n(.*?)\n<!-- end words -->", CARD.read_text("utf-8"), re.S)
    assert quoted[1] == words_table.text(lines)


def test_the_probe_is_of_the_shipped_model_and_quoted_as_recorded():
    probe = json.loads((POCKET / "records" / "probe.json").read_text("utf-8"))
    assert probe["llm"] == as_llm("pocket").fingerprint and probe["n"] >= 500
    quoted = re.findall(r"^\| ([\w ,-]+) \| ([\d.]+) \| ([\d.]+|–) \| ([\d.]+|–) \|$",
                        CARD.read_text("utf-8"), re.M)
    assert {name for name, *_ in quoted} == set(probe["cells"])
    for name, right, oracle, target in quoted:
        cell = probe["cells"][name]
        for text, value in ((right, cell["accuracy"]), (oracle, cell["oracle"]),
                            (target, cell["target"])):
            assert (text == "–") == (value is None)
            assert value is None or float(text) == pytest.approx(100 * value, abs=0.051)
    assert f"{probe['prose']['perplexity a word']:.0f} a word" in CARD.read_text("utf-8")


def test_what_games_cost_in_prose_is_quoted_as_recorded():
    names = ("probe", "probe-prose-alone")
    both, alone = (
        json.loads((POCKET / "records" / f"{name}.json").read_text("utf-8"))["prose"]
        for name in names
    )
    assert both["words"] == alone["words"] > 30_000
    ratio = both["perplexity a word"] / alone["perplexity a word"]
    card = " ".join(CARD.read_text("utf-8").split())
    assert f"{ratio:.2f} times that of a model of the same size" in card
    assert f"{alone['perplexity a word']:.0f} a word after" in card
