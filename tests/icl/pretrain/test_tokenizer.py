"""The pocket tokenizer keeps every text as it is, words whole and digits alone."""

import numpy as np
import pytest
from transformers import AutoTokenizer

from icl.pretrain.text import read_documents
from icl.pretrain.tokenizer import build_tokenizer
from llm_codec.training.words import read_word_list

AWKWARD = [
    "", " ", "  two  spaces  ", "\n\n\t\r\n", "\x00\x01\x1b\x7f", "e\u0301 != \u00e9",
    "\ufb01 \u2126", "\U0001f469\U0001f3fd\u200d\U0001f680 \U0001f1fa\U0001f1f3",
    "\u202eabc\u202c \ufeff", "日本語 русский العربية", "ZW\u200bSP", "\u00a0nbsp\u3000",
    "a <s> b </s><pad> c", "it's 3.14, isn't it ?", "\U0010ffff\ue000",
]  # fmt: skip


def ids(tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False)


def random_text(rng: np.random.Generator) -> str:
    """Up to 40 code points of any plane, surrogates (which are no characters) left out."""
    tops = rng.choice([0x80, 0x300, 0x3000, 0x10000, 0x110000], size=rng.integers(1, 40))
    points = [int(rng.integers(top)) for top in tops]
    return "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_text_comes_back(tokenizer, text):
    assert tokenizer.decode(ids(tokenizer, text)) == text


def test_random_code_points_come_back(tokenizer):
    rng = np.random.default_rng(0)
    for text in (random_text(rng) for _ in range(500)):
        assert tokenizer.decode(ids(tokenizer, text)) == text


def test_digits_are_single(tokenizer):
    assert len(ids(tokenizer, "2024")) == 4 and len(ids(tokenizer, "3.14159")) == 7
    pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    assert not [p for p in pieces if len(p) > 1 and any(letter.isdigit() for letter in p)]


@pytest.mark.parametrize("after", ["", " ", "\n", ".", ", and", " =", "'s", "7", " river", "###"])
def test_words_are_single_tokens_whatever_follows(tokenizer, word_ids, after):
    for word in tokenizer.convert_ids_to_tokens(word_ids):
        alone = tokenizer.convert_tokens_to_ids(word)
        assert ids(tokenizer, f" {word[1:]}{after}") == [alone, *ids(tokenizer, after)]


def test_the_size_is_kept_and_ids_are_distinct(tokenizer, documents):
    assert len(tokenizer) == len(set(tokenizer.get_vocab().values())) <= 480
    assert len(build_tokenizer(documents, ["river"], 1, size=300)) == 300


def test_the_commonest_words_are_taken(documents):
    rare = ["zyx", "qqq"]
    small = build_tokenizer(documents, [*rare, "river", "bread"], num_words=2, size=300)
    assert len(ids(small, " river")) == len(ids(small, " bread")) == 1
    assert all(len(ids(small, " " + word)) > 1 for word in rare)


def test_reloading_gives_the_same_tokenizer(tokenizer, tmp_path, documents):
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.get_vocab() == tokenizer.get_vocab()
    for text in [*AWKWARD, *documents[:5]]:
        assert ids(again, text) == ids(tokenizer, text)
        assert again.decode(ids(again, text)) == text
    special = ("bos_token", "eos_token", "pad_token")
    assert [getattr(again, name) for name in special] == ["<s>", "</s>", "<pad>"]


def test_real_prose_comes_back(shared_text):
    prose = read_documents(shared_text / "tinystories.txt.xz")[:400]
    words = read_word_list(shared_text.parent / "vocabulary" / "portable_words.tsv")
    real = build_tokenizer(prose[:300], words, num_words=500, size=1200)
    assert all(real.decode(ids(real, text)) == text for text in prose[300:])
