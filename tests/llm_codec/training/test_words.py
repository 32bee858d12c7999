"""Words of a frozen LLM: whole, common first, with the rows of its embedding table."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from llm_codec import checkpoint
from llm_codec.training.words import read_word_list, read_words, whole_words


def test_words_come_with_their_embeddings(pair: Path, llama, tokenizer) -> None:
    found = read_words(str(pair), (8, 20, 20))
    table = llama.get_input_embeddings().weight.detach()
    assert found.vocabulary.sizes == (8, 20, 20)
    for words, rows in zip(found.vocabulary.scales, found.embeddings, strict=True):
        ids = [tokenizer.encode(f" {word}", add_special_tokens=False) for word in words]
        assert all(len(pieces) == 1 for pieces in ids)
        assert [pieces[0] for pieces in ids] == sorted(pieces[0] for pieces in ids)
        assert torch.equal(rows, table[[pieces[0] for pieces in ids]])
    assert found.vocabulary.scales[1][:8] == found.vocabulary.scales[0]
    assert found.llm == checkpoint.fingerprint({"embeddings": table})
    found.vocabulary.bind(tokenizer)


def test_words_may_be_chosen_from_a_list(pair: Path) -> None:
    found = read_words(str(pair), (3, 4, 4), {"be", "da", "zero", "ma", "absent"})
    assert sorted(found.vocabulary.scales[1]) == ["be", "da", "ma", "zero"]


def test_too_few_words_is_one_clear_error(pair: Path) -> None:
    with pytest.raises(ValueError, match="1 whole lower-case words but a scale needs 2"):
        read_words(str(pair), (1, 2, 2), {"be"})


def test_only_whole_lower_case_words_count(make_tokenizer) -> None:
    tokenizer = make_tokenizer(["stone", "Upper", "a"])
    found = whole_words(tokenizer)
    assert {word for word, _ in found} == {"st", "sto", "ston", "stone"}
    assert [tokenizer.decode([token]) for _, token in found] == [f" {word}" for word, _ in found]


def test_a_list_is_its_first_column(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("# source: ours\nword\tcount\nriver\t3\nstone\t2\n\n")
    assert read_word_list(path) == ["river", "stone"]


@pytest.mark.parametrize(("name", "message"), [
    ("model.safetensors", "the weights are damaged"), ("tokenizer.json", "tokenizer is damaged")])
def test_a_damaged_llm_is_one_clear_error(
    pair: Path, tmp_path: Path, name: str, message: str
) -> None:
    folder = Path(shutil.copytree(pair / "llm", tmp_path / "llm"))
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2] if name.startswith("model") else b"{}")
    with pytest.raises(ValueError, match=message):
        read_words(str(folder))


def test_an_llm_without_all_its_weights_is_not_filled_up_at_random(
    pair: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(pair / "llm", tmp_path / "llm"))
    weights = load_file(folder / "model.safetensors")
    save_file({name: tensor for name, tensor in weights.items() if "layers.1" not in name},
              folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match="of the model's weights, model.layers.1"):
        read_words(str(folder))
