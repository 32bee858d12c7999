"""Evaluation along the way: figures mean what they say, best and last are kept, samples written."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from matplotlib.image import imread

from llm_codec import LLMCodec
from llm_codec.config import CodecConfig
from llm_codec.run import read_log
from llm_codec.training.bank import ClipBank
from llm_codec.training.evaluation import Decoded, Evaluation
from llm_codec.training.few_shot import FewShot
from llm_codec.training.samples import write_samples
from llm_codec.training.stability import coarse_words, words_kept
from llm_codec.training.trainer import Trainer
from llm_codec.training.words import FrozenWords


@pytest.fixture
def held_out(source, tmp_path: Path) -> ClipBank:
    return ClipBank(source, source.part("dev"), tmp_path / "cache")


def test_an_evaluation_repeats_and_says_how_many_clips(
    codec: LLMCodec, held_out: ClipBank
) -> None:
    evaluation = Evaluation(held_out, 3, seed=0)
    found, pairs = evaluation.run(codec)
    assert found == evaluation.run(codec)[0] and found["clips"] == len(pairs) == 3
    shares = {name for name in found if name.startswith(("kept", "few_shot"))}
    assert len(shares) == 5 and {"mel", "stft"} <= set(found)
    assert all(0 <= found[name] <= 1 for name in shares - {"few_shot_n"})
    for pair in pairs:
        assert pair.original.shape == pair.decoded.shape


def test_speech_is_measured_as_speech_where_the_packages_are(
    codec: LLMCodec, held_out: ClipBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "stoi" in Evaluation(held_out, 4, seed=0).run(codec)[0]
    monkeypatch.setitem(sys.modules, "pystoi", None)
    monkeypatch.setitem(sys.modules, "pesq", None)
    found, _ = Evaluation(held_out, 4, seed=0).run(codec)
    assert not {"stoi", "pesq_wb"} & set(found) and "mel" in found
    monkeypatch.undo()
    for row in held_out.rows:
        row["group"] = "music"
    assert "stoi" not in Evaluation(held_out, 4, seed=0).run(codec)[0]


class Levels:
    """A codec whose words are the level of each frame of scale 1, in steps of 6 dB."""

    config = CodecConfig()

    def encode(self, waves, scales):
        coded = []
        for wave in waves:
            whole = np.pad(wave, (0, -len(wave) % 1920)).reshape(-1, 1920)
            words = -np.log2(np.sqrt((whole**2).mean(axis=1)))
            words = np.append(words.round(), 99)  # a frame of padding
            coded.append(SimpleNamespace(
                scales=[torch.from_numpy(words)[None]], num_samples=torch.tensor([len(wave)]),
                hop_length=480, vq_strides=(4,)))
        return coded


def test_words_kept_are_counted_place_by_place() -> None:
    wave = np.repeat(0.5 ** np.arange(8), 1920).astype(np.float32)  # 6 dB less in each frame
    found = words_kept(Levels(), [wave, wave[: 3 * 1920]], seed=0)
    assert found["kept_gain"] == 0.0 and found["kept_shift"] == 1.0
    assert 0 < found["kept_noise"] < 1  # loud frames alone


def test_words_of_padding_are_left_out(codec: LLMCodec, tone: Callable) -> None:
    waves = [tone(300, seconds) for seconds in (0.9, 0.1)]
    words = coarse_words(codec, waves)
    assert [len(row) for row in words] == [8, 1]
    assert np.array_equal(words[0], codec.encode(waves[0]).scales[0][0])  # 0.96 s of 8 words


class Oracle:
    """A codec whose words are the clip's loudness and nothing else."""

    def __init__(self, codec: LLMCodec) -> None:
        self.config, self.quantizer, self._codec = codec.config, codec.quantizer, codec

    def encode(self, waves, scales=None):
        coded = self._codec.encode(waves, scales=scales)
        words = [round(10 * float(np.abs(wave).mean())) % 16 for wave in waves]
        return [dataclasses.replace(codes, scales=(torch.full_like(codes.scales[0], word),))
                for word, codes in zip(words, coded, strict=True)]


def test_few_shot_questions_are_of_two_labels_and_three_clips(held_out: ClipBank) -> None:
    few_shot = FewShot(held_out, seed=0)
    label = [row["label"] for row in held_out.rows]
    assert len(few_shot.questions) == 200
    for right, wrong, query in few_shot.questions:
        assert label[right] == label[query] != label[wrong] and right != query
    assert few_shot.questions == FewShot(held_out, seed=0).questions != FewShot(
        held_out, seed=1).questions


def test_few_shot_is_right_where_words_tell_labels_apart(
    codec: LLMCodec, held_out: ClipBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud = {"low": 0.1, "high": 0.8}
    monkeypatch.setattr(held_out, "clip", lambda number: np.full(
        6400, loud[held_out.rows[number]["label"]], np.float32))
    assert FewShot(held_out, 0).score(Oracle(codec)) == {"few_shot": 1.0, "few_shot_n": 200}
    monkeypatch.setattr(held_out, "clip", lambda number: np.full(
        6400, 0.1 + 0.1 * number, np.float32))
    assert FewShot(held_out, 0).score(Oracle(codec))["few_shot"] < 1.0


def test_without_labels_there_is_no_few_shot(codec: LLMCodec, held_out: ClipBank) -> None:
    for row in held_out.rows:
        row["label"] = ""
    assert FewShot(held_out, 0).score(codec) == {}


def test_the_best_is_the_lowest_mel_and_the_last_is_the_last(
    recipe: Callable, words: FrozenWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(steps=8, evaluate_every=2, save_every=8)
    mels = iter([3.0, 1.0, 2.0])
    real = Evaluation.run

    def measured(evaluation, codec):
        found, pairs = real(evaluation, codec)
        return found | {"mel": next(mels)}, pairs

    monkeypatch.setattr(Evaluation, "run", measured)
    Trainer(config, words).train()
    rows = [row for row in read_log(Path(config.out) / "train" / "log.jsonl")
            if row["kind"] == "evaluation"]
    assert [(row["step"], row["mel"]) for row in rows] == [(4, 3.0), (6, 1.0), (8, 2.0)]
    best, last = (LLMCodec.from_pretrained(Path(config.out) / part) for part in ("best", ""))
    assert (best.metadata["steps"], last.metadata["steps"]) == (6, 8)
    assert best.metadata["evaluation"]["mel"] == 1.0 and best.fingerprint != last.fingerprint


def test_a_run_leaves_samples_and_curves(recipe: Callable, words: FrozenWords) -> None:
    config = recipe(steps=4, unquantised=1)
    Trainer(config, words).train()
    out = Path(config.out)
    assert "</svg>" in (out / "curves.svg").read_text()
    assert {path.name for path in (out / "samples").iterdir()} == {
        "spectrograms.png", *(f"{n}-{kind}.wav" for n in (1, 2, 3, 4)
                              for kind in ("original", "decoded"))}
    one, two = (soundfile.read(out / "samples" / f"1-{kind}.wav")[0]
                for kind in ("original", "decoded"))
    assert one.shape == two.shape and not np.array_equal(one, two)


def test_the_picture_has_the_original_above_what_was_decoded(tmp_path: Path, tone) -> None:
    loud, silent = tone(3000, 1.0), np.full(16000, 1e-6, np.float32)
    write_samples(tmp_path, [Decoded(loud, silent)], 16000)
    picture = imread(tmp_path / "spectrograms.png")[..., :3].mean(axis=-1)
    half = len(picture) // 2
    assert picture[: half - 4].max() > 0.5 and picture[half + 4 :].max() < 0.1
