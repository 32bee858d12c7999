"""Vocabularies bound to real tokenizers: every form inverts exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from llm_codec.codes import Codes
from llm_codec.vocabulary import BoundVocabulary, Vocabulary

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
FOUND = sorted(path.parent.name for path in SHARED.glob("tokenizers/*/tokenizer.json"))
REAL = FOUND or ("gpt2", "mistral_v3", "qwen2.5", "smollm2")  # skipped by name if not there
FAST = ["red", "green", "blue", "black", "white"]


def random_codes(sizes: tuple[int, ...], blocks: int) -> Codes:
    generator = torch.Generator().manual_seed(blocks)
    scales = [
        torch.randint(size, (1, count * blocks), generator=generator)
        for size, count in zip(sizes, (2, 4, 8), strict=True)
    ]
    return Codes(tuple(scales), torch.tensor([blocks * 3840]), torch.ones(1), sizes)


def real_tokenizer(name: str):
    folder = SHARED / "tokenizers" / name
    if not folder.is_dir():
        pytest.skip(f"tokenizer files of {name} are not beside this checkout")
    return AutoTokenizer.from_pretrained(folder)


def portable_words() -> list[str]:
    table = SHARED / "vocabulary" / "portable_words.tsv"
    if not table.is_file():
        pytest.skip("the table of portable words is not beside this checkout")
    lines = [line for line in table.read_text().splitlines() if not line.startswith("#")]
    return [line.split("\t")[0] for line in lines[1:]]


def assert_all_forms_invert(bound: BoundVocabulary, codes: Codes) -> None:
    """Ids, words and text of one clip; text also through the LLM's own tokenizer."""
    ids, text = bound.to_ids(codes), bound.to_text(codes)
    assert bound.to_codes(ids) == codes
    assert bound.from_words(bound.to_words(codes)) == codes
    assert bound.from_text(text) == codes
    first = bound.word(1, 0)  # within a text, for some tokenizers put a space before it
    before, after = bound.tokenizer([first, first + text], add_special_tokens=False)["input_ids"]
    assert after == [*before, *ids]
    assert bound.tokenizer.decode(after).strip() == first + text


@pytest.mark.parametrize("name", REAL)
def test_portable_words_bind_to_real_tokenizers(name: str) -> None:
    tokenizer, words = real_tokenizer(name), portable_words()
    bound = Vocabulary([words[::3], words, words]).bind(tokenizer)
    assert {len(ids) for scale in bound.token_ids for ids in scale} == {1}
    assert_all_forms_invert(bound, random_codes(bound.vocabulary.sizes, 400))


def test_portable_words_bind_to_a_tokenizer_built_here(make_tokenizer: Callable) -> None:
    words = portable_words()
    bound = Vocabulary([words[::3], words, words]).bind(make_tokenizer(words))
    assert_all_forms_invert(bound, random_codes(bound.vocabulary.sizes, 400))


@pytest.mark.parametrize("name", REAL)
def test_raw_ids_of_whole_real_tokenizers_invert(name: str) -> None:
    """Control ids, byte ids and pieces with spaces in them are codes like all others."""
    tokenizer = real_tokenizer(name)
    every = [code for code, token in enumerate_tokens(tokenizer) if token is not None]
    bound = Vocabulary([["one", "two", "three"], every, every]).bind(tokenizer)
    codes = random_codes(bound.vocabulary.sizes, 3)
    assert bound.to_codes(bound.to_ids(codes)) == codes
    assert bound.from_words(bound.to_words(codes)) == codes
    names = [bound.word(2, code) for code in range(len(every))]
    assert len(set(names)) == len(names) and all(len(word.split()) == 1 for word in names)
    for code in range(0, len(every), len(every) // 50):  # some of everything, first ids included
        clip = Codes(
            tuple(torch.full((1, count), code if count > 2 else 0) for count in (2, 4, 8)),
            torch.tensor([3840]), torch.ones(1), bound.vocabulary.sizes,
        )
        assert bound.from_text(bound.to_text(clip)) == clip
        assert bound.to_codes(bound.to_ids(clip)) == clip


def enumerate_tokens(tokenizer) -> Iterable[tuple[int, str | None]]:
    return enumerate(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))


@pytest.mark.parametrize("name", REAL)
def test_long_words_of_several_tokens_bind_to_real_tokenizers(name: str) -> None:
    tokenizer = real_tokenizer(name)
    slow = ["extraordinarily", "xylophone", "zwieback", "don't", "re-entry"]
    bound = Vocabulary([slow, FAST, FAST]).bind(tokenizer)
    assert max(map(len, bound.token_ids[0])) > 1
    for blocks in (1, 3, 6):
        assert_all_forms_invert(bound, random_codes((5, 5, 5), blocks))
