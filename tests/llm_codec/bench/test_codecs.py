"""Codecs by name: what goes in comes back, as long as it was, from nothing but the payload."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from llm_codec.bench import codecs
from llm_codec.bench.codecs import base
from llm_codec.bench.codecs.words import Words


@pytest.fixture
def folder(codec, tmp_path):
    codec.save_pretrained(tmp_path / "codec")
    return tmp_path / "codec"


@pytest.mark.parametrize("length", [1, 100, 3840, 9001])
@pytest.mark.parametrize("spec", ["identity", "mulaw", "CODEC", "CODEC@2"])
def test_length_comes_back(folder, speech, spec, length):
    codec = codecs.load(spec.replace("CODEC", str(folder)))
    decoded = codec.decode(codec.encode(speech[:length]), length)
    assert decoded.shape == (length,) and decoded.dtype == np.float32


def test_words_decode_to_what_the_codec_gives(codec, speech):
    wrapped = Words("tiny", codec)
    encoded = wrapped.encode(0.37 * speech)
    codes = codec.encode(0.37 * speech)
    codes = dataclasses.replace(codes, gain=codes.gain.half().float())  # as it is sent
    expected = codec.decode(codes, seed=0)[0, 0].numpy()
    assert np.array_equal(wrapped.decode(encoded, len(speech)), expected)


def test_decoder_reads_the_payload_and_not_the_codes_beside_it(codec, speech):
    wrapped = Words("tiny", codec)
    encoded = wrapped.encode(speech)
    blank = dataclasses.replace(encoded, codes=tuple(map(torch.zeros_like, encoded.codes)))
    whole, same = (wrapped.decode(each, len(speech)) for each in (encoded, blank))
    assert np.array_equal(whole, same)


def test_bits_are_those_of_codes_and_level(codec, speech):
    encoded = Words("tiny", codec).encode(speech)
    blocks = -(-len(speech) // codec.config.block_samples)
    assert encoded.tokens == 14 * blocks
    needed = blocks * (2 * 4 + 4 * 5 + 8 * 5)  # 16, 32 and 32 words
    assert needed + 16 <= encoded.bits < needed + 16 + 8
    assert encoded.bits == 8 * len(encoded.payload)


def test_leading_scales_cost_less_and_are_named(folder, speech):
    one, all_ = codecs.load(f"{folder}@1"), codecs.load(str(folder))
    assert one.encode(speech).tokens * 7 == all_.encode(speech).tokens
    assert one.describe()["codebook_sizes"] == [16]
    assert one.describe()["fingerprints"] == all_.describe()["fingerprints"]


@pytest.mark.parametrize(
    "spec, message",
    [
        ("opus", "give a rate in kbit/s, as in opus@6"),
        ("codec2@1000", "700, 1300, 2400, 3200"),
        ("CODEC@4", "1 to 3"),
        ("CODEC@1.5", "whole number of scales"),
        ("nonsense", "expected a preset"),
    ],
)
def test_wrong_names_are_told_apart(folder, spec, message):
    with pytest.raises(ValueError, match=message):
        codecs.load(spec.replace("CODEC", str(folder)))


@pytest.mark.parametrize(
    "spec, message",
    [
        ("transformers:no/model", "give a folder"),
        ("transformers:/no/folder", "give a folder"),
        ("dac:weights.pth", "descript-audio-codec|weights.pth is not there"),
        ("snac:/no/folder", "pip install snac|neither a folder"),
    ],
)
def test_missing_weights_or_packages_say_what_to_do(monkeypatch, spec, message):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(codecs.Missing, match=message):
        codecs.load(spec)


def test_fit_drops_the_delay_then_cuts_or_fills():
    wave = np.arange(6)
    assert base.fit(wave, 3, delay=2).tolist() == [2, 3, 4]
    assert base.fit(wave, 6, delay=2).tolist() == [2, 3, 4, 5, 0, 0]
    assert base.fit(wave[:0], 2).tolist() == [0, 0]
