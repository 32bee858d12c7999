"""The speed benchmark: what it compares is equal, what it counts is right, what it says is so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
import torch

from llm_codec import CodecConfig, LLMCodec, Vocabulary
from llm_codec.bench import speed, speed_process, speed_reference
from llm_codec.cli import main

ROOT = Path(__file__).parents[3]
SMALL = CodecConfig(encoder_dim=4, decoder_dim=64, latent_dim=64, attention_head_dim=16,
                    codebook_sizes=(50, 90, 90), embedding_dim=512)


@pytest.fixture(scope="module")
def pair() -> speed_reference.Pair:
    return speed_reference.Pair(SMALL, seed=0)


@pytest.fixture(scope="module")
def clip() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(2, 1, 3 * SMALL.block_samples, generator=generator)


def test_both_codecs_give_the_same_codes_and_sound(
    pair: speed_reference.Pair, clip: torch.Tensor
) -> None:
    found = {name: work() for name, work in pair.encoders(clip).items()}
    codes = speed_reference.check_same(found)
    assert [tuple(scale.shape) for scale in codes] == [(2, 6), (2, 12), (2, 24)]
    assert len(codes[2].unique()) > 15  # they tell sounds apart
    waves = {name: work() for name, work in pair.decoders(codes).items()}
    assert torch.allclose(waves["cached"], waves["uncached"], atol=1e-5)
    with pytest.raises(ValueError, match="codes with cached tables differ"):
        speed_reference.check_same(found | {"cached": [scale + 1 for scale in codes]})


def test_operations_are_those_of_the_projections(
    pair: speed_reference.Pair, clip: torch.Tensor
) -> None:
    """All that differs is E x D products for each word: twice to encode, once to decode."""
    once = 2 * sum(SMALL.codebook_sizes) * SMALL.embedding_dim * SMALL.latent_dim
    encoders = pair.encoders(clip)
    codes = encoders["cached"]()
    for works, times in ((encoders, 2), (pair.decoders(codes), 1)):
        counts = {name: speed_reference.operations(work) for name, work in works.items()}
        assert counts["uncached"] - counts["cached"] == times * once
        assert counts["cached"] > 0


def test_operations_of_known_layers_are_counted_as_two_a_product() -> None:
    left, right, weight = torch.ones(3, 5), torch.ones(5, 7), torch.ones(4, 1, 9)
    assert speed_reference.operations(lambda: left @ right) == 2 * 3 * 5 * 7
    depthwise = torch.nn.functional.conv1d
    count = speed_reference.operations(lambda: depthwise(torch.ones(1, 4, 20), weight, groups=4))
    assert count == 2 * 4 * 9 * 12


def test_every_work_takes_its_turn() -> None:
    order: list[str] = []
    times = speed.in_turns({name: lambda name=name: order.append(name) for name in "ab"}, 3)
    assert order == [*"abababab"]  # the first round warms up
    assert [len(times[name]) for name in "ab"] == [3, 3]


@pytest.mark.parametrize(
    ("ratio", "goal", "met"),
    [(20.1, ">= 20", True), (19.9, ">= 20", False), (1.1, "<= 1.2", True), (1.3, "<= 1.2", False)],
)
def test_a_goal_that_is_missed_says_so(ratio: float, goal: str, met: bool) -> None:
    row = speed.Row("thing", 1.0, None, "s", ratio, goal)
    assert row.met is met and ("(missed)" in speed.table([row])) is not met


def test_a_process_of_its_own_tells_its_own_memory(
    pair: speed_reference.Pair, tmp_path: Path
) -> None:
    LLMCodec.tiny().save_pretrained(tmp_path / "codec")
    speed_process.write_sound(tmp_path / "in.wav", 12, 16000, seed=0)
    ballast = torch.ones(2**28)  # a gigabyte here must not count there
    files = tmp_path / "in.wav", tmp_path / "out.wav"
    seen = speed_process.probe(str(tmp_path / "codec"), *files, threads=1)
    assert 50 < seen.peak_mib < 900 and len(ballast)
    assert min(seen.load_s, seen.encode_s, seen.decode_s) > 0
    assert [soundfile.info(file).frames for file in files] == 2 * [12 * 16000]


def test_the_command_prints_a_table_and_writes_a_record(
    tmp_path: Path, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    codec = LLMCodec.tiny(vocabulary)
    codec.save_pretrained(tmp_path / "codec")
    monkeypatch.setattr(speed, "REFERENCE", SMALL)
    monkeypatch.setattr(speed, "SHORT_SECONDS", 2)
    monkeypatch.setattr(speed, "LOADS", 2)
    threads = torch.get_num_threads()
    command = ["bench", "--speed", "--codec", str(tmp_path / "codec"), "--repeats", "2",
               "--threads", str(threads), "--long", "3", "--json", str(tmp_path / "speed.json")]
    assert main(command) == 0
    record = json.loads((tmp_path / "speed.json").read_text())
    lines = capsys.readouterr().out.splitlines()
    assert [row["what"] for row in record["rows"]] == [line[:44].strip() for line in lines[1:]]
    assert len(lines) == 13
    for row in record["rows"]:
        assert row["ratio"] > 0 and isinstance(row["met"], bool)
        if row["unit"] == "s" and "load" not in row["what"]:
            assert len(row["samples"]["value"]) == 2
    assert record["command"].startswith("llm-codec bench --speed --codec")
    assert record["settings"]["long_s"] == 3 and record["machine"]["threads"] == threads
    prints = record["fingerprints"]
    assert prints["reference"]["weights"] and prints[str(tmp_path / "codec")]["vocabulary"]


@pytest.mark.parametrize("arguments", [["--repeats", "0"], ["--threads", "x"], ["--colour"]])
def test_wrong_use_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--speed", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("llm-codec: error: ") and err.count("\n") == 1


def test_a_record_without_a_folder_is_refused_before_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(speed, "file_rows", lambda *_: pytest.fail("something was measured"))
    assert main(["bench", "--speed", "--json", "/nowhere/speed.json"]) == 2
    assert "--json /nowhere/speed.json: its folder does not exist" in capsys.readouterr().err


def test_figures_in_the_readme_are_those_of_the_record() -> None:
    path = ROOT / "checkpoints/pocket/records/speed.json"
    if not path.is_file():
        pytest.skip("there is no record of speed yet")
    record = json.loads(path.read_text("utf-8"))
    readme = (ROOT / "README.md").read_text("utf-8")
    for row in record["rows"]:
        against = "" if row["against"] is None else f"{row['against']:.3g}"
        figures = [row["what"], f"{row['value']:.3g}", against, row["unit"], f"{row['ratio']:.3g}"]
        assert f"| {' | '.join(figures)} |".replace("|  |", "| |") in readme
    weights = LLMCodec.from_pretrained("pocket").fingerprint
    assert record["fingerprints"]["pocket"]["weights"] == weights
