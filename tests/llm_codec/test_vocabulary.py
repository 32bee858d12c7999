"""Vocabulary: its entries, its name, and the file it is kept in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llm_codec.vocabulary import Vocabulary, VocabularyError

SLOW = ["river", "stone", "light"]
FAST = ["red", "green", "blue", "black", "white"]


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ([], "at least one scale"),
        ([["a"], []], "scale 2 has no words"),
        ([["a", "b", "a"]], "has 'a' 2 times"),
        ([["a", " b"]], "code 1: ' b'"),
        ([["a", ""]], "code 1: ''"),
        ([["a", "b c"]], "code 1: 'b c'"),
        ([["a", "b\u00a0c"]], "code 1:"),
        ([[3, -1]], "code 1: -1"),
        ([["a", True]], "code 1: True"),
        ([["a", 1.5]], "code 1: 1.5"),
    ],
)
def test_entries_are_checked(scales: list, message: str) -> None:
    with pytest.raises(VocabularyError, match=message):
        Vocabulary(scales)


def test_equal_scales_share_storage_in_memory_and_on_disk(tmp_path: Path) -> None:
    vocabulary = Vocabulary([SLOW, list(FAST), list(FAST)])
    assert vocabulary.scales[1] is vocabulary.scales[2]
    vocabulary.save(tmp_path / "vocabulary.json")
    text = (tmp_path / "vocabulary.json").read_text()
    assert text.count("green") == 1
    back = Vocabulary.load(tmp_path / "vocabulary.json")
    assert back == vocabulary and back.fingerprint == vocabulary.fingerprint
    assert back.scales[1] is back.scales[2]
    assert back.sizes == (3, 5, 5)


def test_fingerprint_names_words_and_order() -> None:
    prints = {
        Vocabulary(scales).fingerprint
        for scales in ([SLOW, FAST], [FAST, SLOW], [SLOW[::-1], FAST], [SLOW], [SLOW, SLOW])
    }
    assert len(prints) == 5 and all(len(name) == 16 for name in prints)
    assert Vocabulary([SLOW]).fingerprint == Vocabulary([tuple(SLOW)]).fingerprint


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"format": 1, "lists": [], "scales": [0]}', '{"format": 2}']
)
def test_damaged_files_are_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text(text)
    with pytest.raises(VocabularyError, match="vocabulary.json is (not a|from a newer)"):
        Vocabulary.load(path)
    with pytest.raises(VocabularyError, match="cannot be read"):
        Vocabulary.load(tmp_path / "nothing.json")


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    Vocabulary([["a", 7]]).save(tmp_path / "v.json")
    assert json.loads((tmp_path / "v.json").read_text()) == {
        "format": 1,
        "lists": [["a", 7]],
        "scales": [0],
    }
