"""Small random DAC, EnCodec, Mimi and SNAC go the way that trained ones do."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import DacConfig, DacModel, EncodecConfig, EncodecModel, MimiConfig, MimiModel

from llm_codec.bench import codecs
from llm_codec.bench.worker import reconstruct

DAC = DacConfig(
    encoder_hidden_size=8, downsampling_ratios=[2, 4, 8], decoder_hidden_size=32, n_codebooks=3,
    codebook_size=16, codebook_dim=4, sampling_rate=16000, hidden_size=32,
)
ENCODEC = EncodecConfig(
    target_bandwidths=[1.5, 3.0], sampling_rate=24000, num_filters=4,
    upsampling_ratios=[8, 5, 4, 2], num_lstm_layers=1,
    hidden_size=16, codebook_size=1024, codebook_dim=16, normalize=False,
)
MIMI = MimiConfig(
    hidden_size=32, num_filters=4, num_residual_layers=1, num_hidden_layers=1, intermediate_size=32,
    num_attention_heads=2, num_key_value_heads=2, head_dim=16, codebook_size=32, codebook_dim=16,
    num_quantizers=4, vector_quantization_hidden_dimension=16, upsample_groups=32,
)
MODELS = {"dac": (DacModel, DAC), "encodec": (EncodecModel, ENCODEC), "mimi": (MimiModel, MIMI)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name, (kind, config) in MODELS.items():
            model = kind(config)
            for key, value in model.state_dict().items():
                if key.endswith(("codebook.embed", "codebook.embed_sum")):
                    value.normal_()  # untrained EnCodec and Mimi have codebooks of zeros
            model.save_pretrained(root / name)
    return root


@pytest.mark.parametrize(
    "name, rate, books",
    [("dac", 2, 2), ("dac", None, 3), ("mimi", 3, 3), ("mimi", None, 4), ("encodec", 3.0, 4),
     ("encodec", None, 2)],
)
def test_models_of_transformers_run(folder, speech, name, rate, books):
    spec = f"transformers:{folder / name}" + (f"@{rate}" if rate else "")
    codec = codecs.load(spec)
    wave = speech[:12345]
    first, encoded, cost = reconstruct(codec, wave)
    again, _, _ = reconstruct(codec, wave)
    assert first.shape == wave.shape and np.isfinite(first).all() and first.any()
    assert np.array_equal(first, again)
    assert len(encoded.codes) == books == len(codec.codebook_sizes)
    width = (codec.codebook_sizes[0] - 1).bit_length()
    assert 0 <= encoded.bits - encoded.tokens * width < 8 * books
    assert len(codec.describe()["fingerprints"]["codec"]) == 16
    assert set(cost) == {"encode_s", "decode_s"}


@pytest.mark.parametrize("name", MODELS)
def test_codes_and_sound_are_those_of_the_model(folder, speech, name):
    codec = codecs.load(f"transformers:{folder / name}")
    kind, _ = MODELS[name]
    model = kind.from_pretrained(folder / name).eval()
    hop = 2 * 1920  # whole frames for each of them
    wave = torch.from_numpy(speech[: 4 * hop])[None, None]
    with torch.inference_mode():
        encoded = model.encode(wave)
        codes = encoded.audio_codes
        more = (codes, encoded.audio_scales) if name == "encodec" else (None, codes)
        sound = model.decode(*more)[0] if name != "mimi" else model.decode(codes)[0]
    found = codec.encode(wave[0, 0].numpy())
    assert torch.equal(torch.stack(found.codes), codes.reshape(len(found.codes), -1))
    decoded = codec.decode(found, wave.shape[-1])
    assert np.allclose(decoded[: sound.shape[-1]], sound.reshape(-1)[: len(decoded)], atol=1e-6)


@pytest.mark.parametrize(
    "name, rate, message",
    [("dac", 4, "1 to 3 codebooks"), ("mimi", 2.5, "1 to 4 codebooks"),
     ("encodec", 2, "1.5, 3 kbit")],
)
def test_rates_that_a_model_lacks_are_named(folder, name, rate, message):
    with pytest.raises(codecs.SpecError, match=message):
        codecs.load(f"transformers:{folder / name}@{rate}")


def test_a_model_that_is_no_codec_is_named(llama, tmp_path):
    llama.save_pretrained(tmp_path)
    with pytest.raises(codecs.SpecError, match="of type llama; expected dac, encodec, mimi"):
        codecs.load(f"transformers:{tmp_path}")


def test_snac_runs_with_a_scale_at_each_rate(tmp_path, speech):
    snac = pytest.importorskip("snac", reason="pip install snac")
    shape = {
        "sampling_rate": 24000, "encoder_dim": 8, "encoder_rates": [2, 4, 5], "decoder_dim": 64,
        "decoder_rates": [5, 4, 2], "attn_window_size": None, "codebook_size": 64,
        "codebook_dim": 4, "vq_strides": [4, 2, 1],
    }
    (tmp_path / "config.json").write_text(json.dumps(shape))
    torch.manual_seed(0)
    torch.save(snac.SNAC(**shape).state_dict(), tmp_path / "pytorch_model.bin")
    codec = codecs.load(f"snac:{tmp_path}")
    wave = speech[:8000]
    first, encoded, _ = reconstruct(codec, wave)
    again, _, _ = reconstruct(codec, wave)
    assert first.shape == wave.shape and np.array_equal(first, again)
    coarse, middle, fine = map(len, encoded.codes)
    assert fine == 2 * middle == 4 * coarse
    assert codec.describe()["package"].startswith("snac ")
