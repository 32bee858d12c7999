"""CodecConfig: units that follow from it, and values it refuses."""

from __future__ import annotations

import dataclasses
import json
import math
import random

import pytest

from llm_codec.config import CodecConfig


def test_units_of_the_released_codec() -> None:
    config = CodecConfig()
    assert (config.hop_length, config.num_scales) == (480, 3)
    assert (config.block_frames, config.block_samples, config.tokens_per_block) == (8, 3840, 14)
    assert config.frame_rate == pytest.approx(100 / 3)
    assert config.tokens_per_second == pytest.approx(58.333, abs=1e-3)
    expected = 25 / 3 * math.log2(3248) + 50 * math.log2(32000)
    assert config.bits_per_second == pytest.approx(expected)


@pytest.mark.parametrize(
    ("samples", "padded", "valid"),
    [
        (1, (2, 4, 8), (1, 1, 1)),
        (1920, (2, 4, 8), (1, 2, 4)),
        (1921, (2, 4, 8), (2, 3, 5)),
        (3840, (2, 4, 8), (2, 4, 8)),
        (3841, (4, 8, 16), (3, 5, 9)),
        (16000, (10, 20, 40), (9, 17, 34)),
    ],
)
def test_codes_of_a_length(samples: int, padded: tuple, valid: tuple) -> None:
    assert CodecConfig().scale_frames(samples) == padded
    assert CodecConfig().valid_frames(samples) == valid


def test_padding_is_the_least_number_of_whole_blocks() -> None:
    draw = random.Random(0)
    config = CodecConfig(
        encoder_rates=(3, 5), decoder_rates=(5, 3), attention_window=4, vq_strides=(6, 3, 1)
    )
    assert config.block_samples == 15 * 12
    for samples in [1, 179, 180, 181, *(draw.randrange(1, 5000) for _ in range(200))]:
        padded = config.padded_samples(samples)
        assert samples <= padded < samples + config.block_samples
        assert padded % config.block_samples == 0
        pairs = zip(config.valid_frames(samples), config.scale_frames(samples), strict=True)
        for (valid, frames), stride in zip(pairs, config.vq_strides, strict=True):
            assert 1 <= valid <= frames == padded // 15 // stride
            assert (valid - 1) * 15 * stride < samples <= valid * 15 * stride


def test_json_and_back_is_the_same_config() -> None:
    config = CodecConfig(encoder="spectral", level_db=-26.0, codebook_sizes=(8, 16, 16))
    back = CodecConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert back == config and hash(back) == hash(config)


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="colour"):
        CodecConfig.from_dict({"colour": "red"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder": "optical"}, "encoder is 'optical'"),
        ({"decoder": ""}, "decoder is ''"),
        ({"lookup": "hash"}, "lookup is 'hash'"),
        ({"codebook_sizes": (8, 0, 8)}, "codebook_sizes"),
        ({"codebook_sizes": ()}, "codebook_sizes"),
        ({"vq_strides": (4, -2, 1)}, "vq_strides"),
        ({"vq_strides": (2, 1)}, "3 scales but vq_strides has 2"),
        ({"encoder_rates": (2, 2)}, "different products"),
        ({"encoder_rates": (480, 1)}, "encoder_rates"),
        ({"decoder_rates": ()}, "decoder_rates"),
        ({"encoder": "spectral", "encoder_rates": (3, 5), "decoder_rates": (5, 3)},
         "hop of 15, but a spectral encoder needs one that 2 divides"),
        ({"decoder": "spectral", "encoder_rates": (2, 4, 5, 8), "decoder_rates": (8, 5, 4, 2)},
         "hop of 320, but a spectral decoder needs one that 3 divides"),
    ],
)
def test_values_that_do_not_fit_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CodecConfig(**values)


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CodecConfig().sample_rate = 8000  # type: ignore[misc]
