"""Measures with weights run on tiny random models; a perfect copy is perfect by each."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import torch
from transformers import (
    Wav2Vec2FeatureExtractor,
    WavLMConfig,
    WavLMForXVector,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)

from llm_codec.bench.metrics import Scorer, Undefined
from llm_codec.bench.metrics.neural import Speaker, Wanted, WordErrors


class Loudness(torch.nn.Module):
    """Stands for UTMOS: a score of (1, S)."""

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        return 1 + 4 * wave.abs().mean(dim=1)


@pytest.fixture(scope="module")
def utmos(tmp_path_factory):
    path = tmp_path_factory.mktemp("utmos") / "utmos.pt"
    torch.jit.trace(Loudness(), torch.zeros(1, 900)).save(path)
    return path


@pytest.fixture(scope="module")
def wavlm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wavlm")
    config = WavLMConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8, 8), conv_stride=(5, 4), conv_kernel=(10, 8), num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2, tdnn_dim=(16, 16), tdnn_kernel=(3, 1),
        tdnn_dilation=(1, 1), xvector_output_dim=8, classifier_proj_size=8,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        WavLMForXVector(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whisper")
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"]
    letters = [*"abcdefghijklmnopqrstuvwxyz", "Ġ"]
    words = WhisperTokenizer(
        vocab={piece: number for number, piece in enumerate([*letters, *special])}, merges=[],
    )
    config = WhisperConfig(
        vocab_size=len(words), d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16,
        decoder_ffn_dim=16, num_mel_bins=8, max_target_positions=300, init_std=0.5,
        decoder_start_token_id=28, bos_token_id=27, eos_token_id=27, pad_token_id=27,
        suppress_tokens=None, begin_suppress_tokens=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = WhisperForConditionalGeneration(config)
    model.generation_config.update(no_timestamps_token_id=29, max_new_tokens=12,
                                   suppress_tokens=[27, 28, 29])
    model.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=8).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def test_nothing_wanted_loads_nothing():
    assert Wanted().load() is None


def test_utmos_is_what_the_file_computes(utmos, speech):
    extra = Wanted(utmos=str(utmos)).load()
    values, _ = Scorer(speech, "speech", extra).score(speech)
    assert values["utmos"] == pytest.approx(1 + 4 * np.abs(speech).mean(), abs=1e-5)
    assert "utmos" not in Scorer(speech, "music", extra).score(speech)[0]


def test_a_copy_has_the_same_speaker_and_noise_another(wavlm, speech):
    measure = Speaker(str(wavlm)).against(speech, "")
    noise = np.random.default_rng(0).standard_normal(len(speech)).astype(np.float32)
    assert measure(speech) == pytest.approx(1, abs=1e-5)
    assert measure(noise) < 0.999


def test_a_clip_too_short_for_a_speaker_is_undefined(wavlm, speech):
    with pytest.raises(Undefined, match="too short"):
        Speaker(str(wavlm)).against(speech[:8], "")(speech[:8])


def test_words_are_compared_with_those_heard_in_the_clip(whisper, speech):
    words = WordErrors(str(whisper))
    assert words.plain(words.heard(speech)).strip()  # random words
    assert words.against(speech, "")(speech) == 0
    assert words.against(speech, "something else entirely")(speech) >= 1


def test_words_are_compared_with_the_transcript(whisper, speech, monkeypatch):
    words = WordErrors(str(whisper))
    monkeypatch.setattr(words, "heard", lambda wave: " The cat, sat!")
    assert words.against(speech, "the cat sat")(speech) == 0
    assert words.against(speech, "the dog sat down")(speech) == 0.5  # of four, one wrong, one gone
    monkeypatch.setattr(words, "heard", lambda wave: " ...")
    with pytest.raises(Undefined, match="no words"):
        words.against(speech, "")(speech)


def test_dnsmos_is_what_the_package_says(monkeypatch, speech):
    fake = types.ModuleType("speechmos.dnsmos")
    fake.run = lambda wave, sr: {"ovrl_mos": 3.25 if (sr, len(wave)) == (16000, 32000) else 0}
    monkeypatch.setitem(sys.modules, "speechmos", types.ModuleType("speechmos"))
    monkeypatch.setitem(sys.modules, "speechmos.dnsmos", fake)
    values, _ = Scorer(speech, "speech", Wanted(dnsmos=True).load()).score(speech)
    assert values["dnsmos"] == 3.25


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "speechmos.dnsmos", None)
    monkeypatch.setitem(sys.modules, "speechmos", types.ModuleType("speechmos"))
    with pytest.raises(ImportError, match=r"llm-codec\[dnsmos\]"):
        Wanted(dnsmos=True).load()


def test_a_clip_that_a_model_cannot_take_is_undefined_not_the_end(utmos, speech, monkeypatch):
    measures = Wanted(utmos=str(utmos)).load()

    def fails(wave):
        raise RuntimeError("Kernel size can't be greater\nthan actual input size")

    monkeypatch.setattr(measures.parts["utmos"], "against", lambda *_: fails)
    values, failed = Scorer(speech, "speech", measures).score(speech)
    assert failed["utmos"] == "Kernel size can't be greater than actual input size"
    assert "utmos" not in values and "mel" in values


def test_a_long_clip_is_heard_to_its_end(whisper, speech):
    words, told = WordErrors(str(whisper)), []
    pipe = words.pipe

    def listen(clip, **options):
        told.append(options)
        return {"text": ""}

    listen.type = pipe.type
    words.pipe = listen
    words.heard(np.tile(speech, 16))  # 32 s
    words.heard(speech)
    assert told == [{"return_timestamps": True}, {}]
