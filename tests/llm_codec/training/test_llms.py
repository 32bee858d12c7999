"""Codecs around LLaMA-, Qwen-, GPT-2- and SmolLM-style models with their real tokenizers.

The models are random and tiny, but for their vocabulary; the tokenizers lie beside the checkout.
Where they do not, these tests are skipped, but for the one with a tokenizer built here.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from llm_codec import LLMCodec
from llm_codec.training.config import TrainConfig
from llm_codec.training.trainer import Trainer
from llm_codec.training.words import KINDS

TOKENIZERS = Path(__file__).parents[4] / "shared" / "tokenizers"
STYLES = {"llama": "mistral_v3", "qwen": "qwen2.5", "gpt2": "gpt2", "smollm": "smollm2"}

FAST = {("llama", "words"), ("qwen", "portable"), ("gpt2", "whole"), ("smollm", "words")}
CASES = [pytest.param(*case, marks=[] if case in FAST else pytest.mark.slow)
         for case in product(STYLES, KINDS)]


def tiny(style: str, size: int) -> PreTrainedModel:
    """A random model of ``size`` tokens, 16 wide; SmolLM ties its head to its embeddings."""
    torch.manual_seed(0)
    if style == "gpt2":
        return GPT2LMHeadModel(GPT2Config(vocab_size=size, n_embd=16, n_layer=1, n_head=2))
    shape = {"vocab_size": size, "hidden_size": 16, "intermediate_size": 16,
             "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    if style == "qwen":
        return Qwen2ForCausalLM(Qwen2Config(**shape))
    return LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=style == "smollm"))


def build(style: str, tokenizer_folder: Path, folder: Path) -> Path:
    if not (tokenizer_folder / "tokenizer.json").is_file():
        pytest.skip(f"no real tokenizer at {tokenizer_folder}")
    folder.mkdir()
    for file in tokenizer_folder.glob("tokenizer*.json"):
        shutil.copy(file, folder)
    # rows for tokens that the tokenizer lacks, as most models have
    model = tiny(style, len(AutoTokenizer.from_pretrained(tokenizer_folder)) + 8)
    model.save_pretrained(folder)
    return folder


def train(recipe: Callable[..., TrainConfig], llm: Path, **values) -> LLMCodec:
    """A run of a few steps; the LLM's files stay as they were, byte for byte."""
    before = hashes(llm)
    config = recipe(llm=str(llm), steps=3, unquantised=1, evaluate_clips=2, **values)
    Trainer(config, config.read_words()).train()
    assert hashes(llm) == before and len(before) > 2
    return LLMCodec.from_pretrained(config.out)


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def assert_round_trip(codec: LLMCodec, llm: Path, corpus: Path) -> None:
    """Codes become ids of the LLM's tokenizer and come back the same."""
    codes = codec.encode(corpus / "train" / "low0.wav")
    bound = codec.vocabulary.bind(AutoTokenizer.from_pretrained(llm), codec.config)
    ids = bound.to_ids(codes)
    assert len(ids) == sum(scale.shape[1] for scale in codes.scales)
    back = bound.to_codes(ids, num_samples=6400, gain=codes.gain.item())
    assert all(map(torch.equal, back.scales, codes.scales))


@pytest.mark.parametrize(("style", "vocabulary"), CASES)
def test_a_codec_speaks_the_words_of_its_llm(
    recipe: Callable, corpus: Path, tmp_path: Path, style: str, vocabulary: str
) -> None:
    llm = build(style, TOKENIZERS / STYLES[style], tmp_path / "llm")
    words = None if vocabulary == "whole" else (64, 128, 128)
    codec = train(recipe, llm, vocabulary=vocabulary, words=words)
    entries = codec.vocabulary.scales[0]
    if vocabulary == "whole":
        tokenizer = AutoTokenizer.from_pretrained(llm)
        assert len(entries) > 0.98 * len(tokenizer) and set(map(type, entries)) == {int}
        assert not set(tokenizer.all_special_ids) & set(entries)
    else:
        assert codec.vocabulary.sizes == (64, 128, 128) and all(w.islower() for w in entries)
    if vocabulary == "portable":
        pocket = LLMCodec.from_pretrained("pocket").vocabulary
        assert set(entries) <= set(pocket.scales[0])
    assert_round_trip(codec, llm, corpus)


@pytest.mark.parametrize("style", ["llama", "gpt2"])
def test_a_codec_around_a_tokenizer_built_here(
    recipe: Callable, corpus: Path, tokenizer, tmp_path: Path, style: str
) -> None:
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    llm = build(style, tmp_path / "tokenizer", tmp_path / "llm")
    path = tmp_path / "words.txt"
    path.write_text("zero\none\nnothing\ntwo\nthree\nfour\n")
    for name, values in (("list", {"word_list": str(path), "words": None}),
                         ("whole", {"vocabulary": "whole", "words": None})):
        codec = train(recipe, llm, out=str(tmp_path / name), **values)
        assert_round_trip(codec, llm, corpus)
        if name == "list":
            assert set(codec.vocabulary.scales[2]) == {"zero", "one", "two", "three", "four"}
        else:
            special = set(tokenizer.all_special_ids)
            assert set(codec.vocabulary.scales[0]) == {*range(len(tokenizer))} - special
