"""Language models that are missing, damaged or of other words: one line on stderr."""

import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast


def assert_one_line(err: str) -> None:
    assert err.startswith("icl: error: ") and err.count("\n") == 1 and "Traceback" not in err


@pytest.fixture
def foreign_llm(tmp_path, llama_sizes) -> Path:
    """A language model of five words, none of them the codec's."""
    words = {word: number for number, word in enumerate(["<unk>", "<s>", "a", "b", "="])}
    raw = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", bos_token="<s>")
    config = LlamaConfig(**llama_sizes | {"vocab_size": 5})
    LlamaForCausalLM(config).save_pretrained(tmp_path / "foreign")
    tokenizer.save_pretrained(tmp_path / "foreign")
    return tmp_path / "foreign"


def test_an_llm_that_does_not_fit_the_words_is_one_line(classify, tone_file, foreign_llm):
    code, _, err = classify(tone_file(320), llm=foreign_llm)
    assert code == 1
    assert_one_line(err)


def test_models_that_are_not_there_are_one_line(classify, tone_file, tmp_path):
    code, _, err = classify(tone_file(320), llm=tmp_path / "nothing")
    assert code == 1
    assert_one_line(err)


def test_damaged_model_weights_are_one_line(classify, pair, tone_file, tmp_path):
    shutil.copytree(pair / "llm", tmp_path / "damaged")
    (tmp_path / "damaged" / "model.safetensors").write_bytes(b"\x08" * 64)
    code, _, err = classify(tone_file(320), llm=tmp_path / "damaged")
    assert code == 1
    assert_one_line(err)
