"""What words are worth: the command's figures are those counted another way, and are recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from llm_codec import LLMCodec
from llm_codec.bench.labelled import Rows
from llm_codec.nearest import stretch
from llm_codec.parts import sounding
from llm_codec.training.stability import coarse_words, words_kept


@pytest.fixture(scope="module")
def folder(codec, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("codec") / "tiny"
    codec.save_pretrained(path)
    return path


@pytest.fixture
def measure(bench, classes, folder):
    def run(*more: object, codecs: object = folder, data: Path = classes):
        return bench("--words", "--data", data, "--codecs", codecs, "--split", "dev",
                     "--sources", "tones", "--few-shot", "tones", "--episodes", 30, *more)

    return run


def test_figures_are_those_counted_another_way(measure, classes, folder, read, tmp_path):
    code, out, err = measure("--json", tmp_path / "words.jsonl")
    assert code == 0 and not err and out.count("tiny") == 3 + 1 + 1 + 1
    _, data, _, line = read(tmp_path / "words.jsonl")
    rows, codec = Rows(classes, "dev", None, 0), LLMCodec.from_pretrained(folder)
    waves, source = rows.load(16000), rows.source("tones")
    words = coarse_words(codec, waves)
    counts = np.unique(np.concatenate(words), return_counts=True)[1]
    coarse = line["use"][0]
    assert coarse["n"] == sum(map(len, words)) and coarse["used"] == len(counts)
    assert coarse["share_used"] == pytest.approx(len(counts) / 16)
    assert line["use"][2]["n"] == sum(-(-len(wave) // 480) for wave in waves)
    for name, share in words_kept(codec, waves, 0).items():
        found = line["stability"][name]
        assert found["share"] == pytest.approx(share, abs=1e-6) and found["clips"] == 20
        assert found["interval_95"][0] <= share <= found["interval_95"][1]
    chance = np.square(counts / counts.sum()).sum()
    assert line["stability"]["kept_shift"]["chance"] == pytest.approx(chance, abs=1e-6)
    table = codec.quantizer.codebooks[0].table.float().numpy()
    vectors = np.stack([stretch(table[row], 12).ravel() for row in source.of(words)])
    one, two = np.triu_indices(12, 1)
    names = np.array(source.labels)
    wanted = roc_auc_score(names[one] == names[two],
                           -np.linalg.norm(vectors[one] - vectors[two], axis=1))
    nearer = line["same_class_nearer"]["tones"]
    assert nearer["auc"] == pytest.approx(wanted, abs=1e-6)
    assert (nearer["clips"], nearer["pairs"], nearer["pairs_of_one_class"]) == (12, 66, 18)
    assert data["sources"]["tones"] == {"clips": 12, "labels": 3, "speakers": 2}


def test_the_reference_names_tones_and_differences_are_to_it(measure, read, tmp_path):
    measure("--json", tmp_path / "words.jsonl")
    _, _, reference, line = read(tmp_path / "words.jsonl")
    mfcc, words = (one["few_shot"]["sources"]["tones"] for one in (reference, line))
    assert mfcc["accuracy"] == 1.0 and mfcc["n"] == words["n"] == 30 and words["chance"] == 0.5
    less = words["less_reference"]["mean"]
    assert less == pytest.approx(words["accuracy"] - mfcc["accuracy"], abs=2e-6)
    assert line["few_shot"]["mean"]["accuracy"] == words["accuracy"]


def test_a_record_says_how_to_make_it_again_and_is_the_same_for_a_seed(
    measure, folder, read, tmp_path, codec
):
    paths = [tmp_path / name for name in ("one", "two", "three")]
    for path, seed in zip(paths, (0, 0, 1)):
        measure("--seed", seed, "--limit", 3, "--json", path)
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()
    head, *_, line = read(paths[2])
    assert head["command"].startswith("llm-codec bench --words --data ")
    assert "--few-shot tones --episodes 30 --limit 3 --seed 1" in head["command"]
    assert head["settings"]["split"] == "dev" and head["versions"]["numpy"]
    assert "any speaker" in head["conditions"]["few_shot"]
    weights = LLMCodec.from_pretrained(folder).fingerprint
    assert line["fingerprints"] == {"codec": weights, "vocabulary": codec.vocabulary.fingerprint}


def test_without_the_usual_sources_all_that_have_classes_are_asked_about(
    bench, classes, folder, read, tmp_path
):
    code, _, err = bench("--words", "--data", classes, "--codecs", folder, "--episodes", 3,
                         "--json", tmp_path / "words.jsonl")
    head, data, _, line = read(tmp_path / "words.jsonl")
    assert code == 0 and not err and list(data["sources"]) == ["tones"]
    assert "--sources tones --few-shot tones --episodes 3" in head["command"]
    manifest = (classes / "manifest.csv").read_text().replace(",tones,", ",emodb,")
    (tmp_path / "manifest.csv").write_text(manifest)
    code, _, err = bench("--words", "--data", tmp_path, "--codecs", folder)
    assert code == 1 and "no clips of source fsdd" in err and err.count("\n") == 1
    assert "by --sources and --few-shot" in err


def test_codecs_answer_the_same_questions(measure, folder, read, tmp_path, vocabulary):
    other = tmp_path / "other"
    LLMCodec.tiny(vocabulary, seed=1).save_pretrained(other)
    measure("--json", tmp_path / "both.jsonl", codecs=f"{folder},{other}")
    measure("--json", tmp_path / "one.jsonl", codecs=other)
    both, one = read(tmp_path / "both.jsonl"), read(tmp_path / "one.jsonl")
    assert [line["line"] for line in both] == ["header", "data", "reference", "words", "words"]
    assert both[1:3] == one[1:3] and both[4] == one[3] and both[3]["use"] != both[4]["use"]


@pytest.mark.parametrize(("more", "code", "reason"), [
    (("--sources", "choirs"), 1, "no clips of source choirs; it has those of calls, plain, tones"),
    (("--few-shot", "plain"), 1, "source plain: 0 labels"),
    (("--few-shot", "calls"), 1, "expected two such labels at least"),
    (("--split", "test"), 1, "no clips of split test; there are dev"),
    (("--sources", ","), 2, "--sources is ','"),
    (("--few-shot", "tones,tones"), 2, "--few-shot is 'tones,tones'"),
    (("--codecs", "nowhere/at-all/here"), 1, "nowhere/at-all/here"),
    (("--json", "nowhere/words.jsonl"), 2, "--json nowhere/words.jsonl: its folder does not"),
    (("--episodes", "0"), 2, "'0' is not a whole number"),
])
def test_bad_input_is_one_line(measure, tmp_path, more, code, reason):
    found, out, err = measure("--json", tmp_path / "words.jsonl", *more)
    assert found == code and reason in err and err.count("\n") == 1 and not out
    assert not [*tmp_path.iterdir()]


def test_a_folder_without_a_manifest_and_a_clip_without_audio_are_one_line(
    measure, classes, tmp_path
):
    _, _, err = measure(data=tmp_path)
    assert "manifest.csv cannot be read" in err and err.count("\n") == 1
    (tmp_path / "manifest.csv").write_bytes((classes / "manifest.csv").read_bytes())
    code, out, err = measure(data=tmp_path)
    assert code == 1 and "0.wav" in err and err.count("\n") == 1 and not out


def test_codecs_of_two_rates_are_refused(measure, folder, tmp_path, vocabulary):
    LLMCodec.tiny(vocabulary, sample_rate=24000).save_pretrained(tmp_path / "fast")
    code, _, err = measure(codecs=f"{folder},{tmp_path / 'fast'}")
    assert code == 2 and "different sample rates" in err and err.count("\n") == 1


def test_one_record_holds_sound_and_words(bench, classes, folder, read, pick, tmp_path):
    command = ["--data", classes, "--codecs", f"mulaw,{folder}", "--split", "dev", "--with-words"]
    code, out, err = bench(*command, "--json", tmp_path / "both", "--html", tmp_path / "page.html")
    assert code == 0 and not err and "Words in use, 20 clips" in out and "| mulaw" in out
    assert "Scale-1 words that stay" in (tmp_path / "page.html").read_text("utf-8")
    both = read(tmp_path / "both")
    assert "--with-words" in both[0]["command"] and pick(both, "source", source="calls")
    bench("--words", "--data", classes, "--codecs", folder, "--split", "dev",
          "--json", tmp_path / "words")
    head, data, *lines = read(tmp_path / "words")
    assert pick(both, "labelled") == [data | {"line": "labelled", "conditions": head["conditions"]}]
    assert both[-2:] == lines
    assert bench(*command, "--json", tmp_path / "both")[1] == out  # a finished record is read


def test_words_of_other_codecs_alone_cannot_be_measured(bench, classes, folder, tmp_path):
    code, _, err = bench("--data", classes, "--codecs", f"mulaw,{folder}@1", "--with-words")
    assert code == 2 and "--with-words needs a codec of this project" in err


def test_words_are_foretold_as_the_loss_has_it(measure, folder, pair, llama, tokenizer, read,
                                               tmp_path, classes):
    code, out, _ = measure("--llm", pair, "--json", tmp_path / "words.jsonl")
    line = read(tmp_path / "words.jsonl")[-1]
    assert code == 0 and "scale 1, " in out and "nats a word" in out
    codec = LLMCodec.from_pretrained(folder)
    tokens = codec.vocabulary.bind(tokenizer).token_ids
    nats, count = np.zeros(3), np.zeros(3, int)
    for wave in Rows(classes, "dev", None, 0).load(16000):
        codes = codec.encode(wave)
        words = [sounding(codes, scale).tolist() for scale in range(3)]
        ids = [tokenizer.bos_token_id, *(tokens[k][word][0] for k in range(3) for word in words[k])]
        with torch.no_grad():
            logs = llama(torch.tensor([ids])).logits[0].log_softmax(-1)
        told = [-logs[place, token].item() for place, token in enumerate(ids[1:])]
        for scale, size in enumerate(map(len, words)):
            nats[scale] += sum(told[:size])
            count[scale] += size
            del told[:size]
    assert [one["n"] for one in line["foretold"]] == count.tolist()
    assert [one["nats"] for one in line["foretold"]] == pytest.approx(nats / count, abs=1e-4)
