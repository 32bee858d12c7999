"""Released weights in this layout: the same codes, latents and audio."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from llm_codec import CodecConfig, LLMCodec
from llm_codec.checkpoint import CheckpointError
from llm_codec.convert import load_released
from llm_codec.vocabulary import VocabularyError

PARITY = Path(__file__).resolve().parents[2].parent / "shared" / "parity"


@pytest.fixture(scope="module")
def released() -> Path:
    path = PARITY / "released_layout.pth"
    if not path.is_file():
        pytest.skip(f"the small released model is not at {PARITY}")
    return path


@pytest.fixture(scope="module")
def golden(released: Path) -> dict[str, Tensor]:
    return safetensors.torch.load_file(released.with_name("golden.safetensors"))


@pytest.fixture(scope="module")
def codec(released: Path) -> LLMCodec:
    return load_released(released)


@pytest.fixture
def changed(released: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes the released file with tensors changed; None takes one out."""

    def write(**tensors: Tensor | None) -> Path:
        state = torch.load(released, weights_only=True)["codec_model"]
        state |= {name.replace("__", "."): tensor for name, tensor in tensors.items()}
        state = {name: tensor for name, tensor in state.items() if tensor is not None}
        torch.save({"codec_model": state}, tmp_path / "changed.pth")
        return tmp_path / "changed.pth"

    return write


def test_codes_are_identical(codec: LLMCodec, golden: dict[str, Tensor]) -> None:
    codes = codec.encode(golden["waveform"])
    for scale in range(3):
        assert torch.equal(codes.scales[scale], golden[f"codes.{scale}"])


def test_latents_and_audio_are_the_same(codec: LLMCodec, golden: dict[str, Tensor]) -> None:
    wave = golden["waveform"]
    padded = torch.nn.functional.pad(wave, (0, golden["decoded"].shape[-1] - wave.shape[-1]))
    with torch.inference_mode():
        latent = codec.latent(padded)
        quantized = codec.quantizer.decode([golden[f"codes.{scale}"] for scale in range(3)])
        decoded = codec.decoder(quantized, torch.Generator().manual_seed(0))
    # Latents reach 23, where one step of float32 is 2e-6: hence some room relative to the value.
    torch.testing.assert_close(latent, golden["latent"], atol=1e-5, rtol=1e-6)
    torch.testing.assert_close(quantized, golden["quantized"], atol=1e-5, rtol=0)
    torch.testing.assert_close(decoded, golden["decoded"], atol=1e-4, rtol=0)


def test_decoding_gives_the_true_length(codec: LLMCodec, golden: dict[str, Tensor]) -> None:
    wave = codec.decode(codec.encode(golden["waveform"]))
    assert wave.shape == golden["waveform"].shape
    torch.testing.assert_close(wave, golden["decoded"][..., : wave.shape[-1]], atol=1e-4, rtol=0)


def test_the_shape_is_read_off_the_weights(released: Path, codec: LLMCodec) -> None:
    values = json.loads(released.with_name("config.json").read_text())
    expected = CodecConfig(
        encoder_dim=values["encoder_dim"],
        encoder_rates=values["encoder_rates"],
        decoder_dim=values["decoder_dim"],
        decoder_rates=values["decoder_rates"],
        latent_dim=values["latent_dim"],
        codebook_sizes=values["codebook_sizes"],
        embedding_dim=values["codebook_dim"],
    )
    assert codec.config == expected
    assert load_released(released, config=expected).fingerprint == codec.fingerprint


def test_saved_and_loaded_it_keeps_its_codes(
    codec: LLMCodec, golden: dict[str, Tensor], tmp_path: Path
) -> None:
    codec.save_pretrained(tmp_path, dtype=None)
    back = LLMCodec.from_pretrained(tmp_path)
    assert back.encode(golden["waveform"]) == codec.encode(golden["waveform"])
    assert back.metadata["llm"] == codec.metadata["llm"] != ""


def test_words_from_a_list_an_array_and_a_text(released: Path, tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(40)]
    np.save(tmp_path / "words.npy", np.array(words))
    (tmp_path / "words.txt").write_text("\n".join(words))
    for given in (words, tmp_path / "words.npy", str(tmp_path / "words.txt")):
        vocabulary = load_released(released, words=given).vocabulary
        assert vocabulary.scales == (tuple(words), tuple(range(300)), tuple(range(300)))


def test_a_tokenizer_proves_the_words(released: Path, make_tokenizer: Callable) -> None:
    words = [f"{a}{b}" for a in "bdfgklmn" for b in "aeiou"]
    tokenizer = make_tokenizer(words)
    codec = load_released(released, words=words, tokenizer=tokenizer)
    codes = codec.encode(np.full(5000, 0.1, np.float32))
    bound = codec.vocabulary.bind(tokenizer, codec.config)
    assert bound.to_codes(bound.to_ids(codes)) == codes
    table = {word: number for number, word in enumerate(["<unk>", *words])}
    small = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel(table, unk_token="<unk>")), unk_token="<unk>"
    )
    with pytest.raises(VocabularyError, match="scale 1"):
        load_released(released, words=words, tokenizer=small)
    with pytest.raises(CheckpointError, match="words of scale 1"):
        load_released(released, tokenizer=tokenizer)


def test_a_pickled_array_is_not_opened(released: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "words.npy", np.array(["a", 1], dtype=object), allow_pickle=True)
    with pytest.raises(CheckpointError, match="holds no plain words"):
        load_released(released, words=tmp_path / "words.npy")
    np.save(tmp_path / "words.npy", np.arange(40))
    with pytest.raises(CheckpointError, match="expected words"):
        load_released(released, words=tmp_path / "words.npy")


def test_the_older_upload_is_refused(changed: Callable[..., Path]) -> None:
    path = changed(quantizer__quantizers__0__codebook__weight=torch.zeros(32000, 1))
    with pytest.raises(CheckpointError, match="32000 rows.*older upload.*semantic_acoustic.pth"):
        load_released(path)


def test_weights_that_do_not_fit_are_one_line(changed: Callable[..., Path]) -> None:
    for change in (
        {"encoder__block__5__norm__weight": None},
        {"encoder__block__5__norm__weight": torch.zeros(3)},
        {"encoder__block__0__weight_g": None},
        {"decoder__model__1__weight_v": None},
        {"quantizer__quantizers__1__cb_proj__weight": torch.zeros(128, 3)},
        {"discriminator__weight": torch.zeros(3)},
    ):
        with pytest.raises(CheckpointError) as caught:
            load_released(changed(**change))
        assert "\n" not in str(caught.value) and "changed.pth" in str(caught.value)


@pytest.mark.parametrize("start", range(0, 256, 8))
def test_bytes_that_are_no_pickle_are_one_line(tmp_path: Path, start: int) -> None:
    path = tmp_path / "text.wav"
    for first in range(start, start + 8):
        path.write_bytes(bytes([first]) + b"nce upon a time\n" * 3)
        with pytest.raises(CheckpointError, match="text.wav holds no plain weights") as caught:
            load_released(path)
        assert "\n" not in str(caught.value)


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    torch.save({"codec_model": {"path": Path("/")}}, tmp_path / "code.pth")
    (tmp_path / "text.pth").write_text("once upon a time")
    torch.save({"model": {}}, tmp_path / "other.pth")
    found = {"code": "no plain weights", "text": "no plain weights", "other": "no key codec_model"}
    for name, message in (found | {"missing": "is not there"}).items():
        with pytest.raises(CheckpointError, match=message) as caught:
            load_released(tmp_path / f"{name}.pth")
        assert "\n" not in str(caught.value)
