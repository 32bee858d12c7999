"""Tiny stand-ins that build in milliseconds: codec, words, tokenizer, language models, tones.

All are random but seeded, need no network, and go the same way through the code as real ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from llm_codec import LLMCodec, Vocabulary

SYLLABLES = ["".join(pair) for pair in product("bdfgklmnprstvz", "aeiou")]  # 70 short words
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SHARED = Path(__file__).parents[2] / "shared"  # real data beside the checkout


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    """16 slow words, and 32 words that the two fast scales share."""
    return Vocabulary([SYLLABLES[:16], SYLLABLES[10:42], SYLLABLES[10:42]])


@pytest.fixture(scope="session")
def codec(vocabulary: Vocabulary) -> LLMCodec:
    """A random codec that speaks `vocabulary`."""
    return LLMCodec.tiny(vocabulary)


@pytest.fixture(scope="session")
def make_tokenizer() -> Callable[[list[str]], PreTrainedTokenizerFast]:
    """Builds a byte-level tokenizer in which each given word, with its space, is one token."""
    return build_tokenizer


@pytest.fixture(scope="session")
def tokenizer(make_tokenizer: Callable) -> PreTrainedTokenizerFast:
    """Knows the words of `vocabulary` and the digits as single tokens; bytes for the rest."""
    return make_tokenizer([*SYLLABLES, *DIGITS, "="])


def build_tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = dict.fromkeys(["<s>", "</s>", *letters])
    merges: dict[tuple[str, str], None] = {}
    for word in words:  # the space takes up one letter after the other
        for length in range(len(word)):
            merges["Ġ" + word[:length], word[length]] = None
            pieces["Ġ" + word[: length + 1]] = None
    ids = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=list(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )


@pytest.fixture(scope="session")
def llama_sizes(tokenizer: PreTrainedTokenizerFast) -> dict[str, float]:
    """Settings of Llama and its relatives: 2 layers, 512 tokens of context."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.3,  # wide, so that predictions differ from uniform
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }


@pytest.fixture(scope="session")
def llama(llama_sizes: dict[str, float]) -> LlamaForCausalLM:
    """A random Llama, 2 layers, 512 tokens of context."""
    return seeded(LlamaForCausalLM, LlamaConfig(**llama_sizes))


@pytest.fixture(scope="session")
def gpt2(tokenizer: PreTrainedTokenizerFast) -> GPT2LMHeadModel:
    """A random GPT-2, 2 layers, 512 tokens of context."""
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=512,
        initializer_range=0.3,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return seeded(GPT2LMHeadModel, config)


def seeded(kind: type[PreTrainedModel], config: object) -> PreTrainedModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(config).eval()


@pytest.fixture(scope="session")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
    codec: LLMCodec,
    llama: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
) -> Path:
    """A folder like a preset's: ``codec/`` and ``llm/``, as users would save them."""
    folder = tmp_path_factory.mktemp("pair")
    codec.save_pretrained(folder / "codec")
    llama.save_pretrained(folder / "llm")
    tokenizer.save_pretrained(folder / "llm")
    return folder


@pytest.fixture(scope="session")
def tone() -> Callable[..., np.ndarray]:
    """Builds a decaying tone: float32 (S,), peak 0.3."""

    def build(hertz: float, seconds: float = 0.5, sample_rate: int = 16000) -> np.ndarray:
        time = np.arange(round(seconds * sample_rate)) / sample_rate
        return (0.3 * np.sin(2 * np.pi * hertz * time) * np.exp(-3 * time)).astype(np.float32)

    return build


@pytest.fixture
def tone_file(tmp_path: Path, tone: Callable) -> Callable[..., Path]:
    """Writes a tone to a wav file named after its pitch and returns the path."""

    def write(hertz: float, seconds: float = 0.5, folder: Path = tmp_path) -> Path:
        path = folder / f"tone_{hertz:g}.wav"
        soundfile.write(path, tone(hertz, seconds), 16000)
        return path

    return write


@pytest.fixture(scope="session")
def weights_fingerprint() -> Callable[[PreTrainedModel], str]:
    """Hashes the bytes of all parameters and buffers; computed anew at every call."""

    def fingerprint(model: PreTrainedModel) -> str:
        digest = hashlib.sha256()
        for name, value in sorted(model.state_dict().items()):
            digest.update(name.encode() + value.contiguous().numpy().tobytes())
        return digest.hexdigest()

    return fingerprint


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """Real recordings beside the checkout; tests that need them are skipped without."""
    return beside("audio", "manifest.csv")


@pytest.fixture(scope="session")
def shared_text() -> Path:
    """Real prose beside the checkout; tests that need it are skipped without."""
    return beside("text", "tinystories.txt.xz")


def beside(folder: str, proof: str) -> Path:
    if not (SHARED / folder / proof).is_file():
        pytest.skip(f"real {folder} is not at {SHARED / folder}")
    return SHARED / folder
