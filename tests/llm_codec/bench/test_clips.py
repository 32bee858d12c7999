"""Clips of a manifest or folder, their kinds, and a draw that is balanced and repeatable."""

from __future__ import annotations

from collections import Counter

import pytest

from llm_codec.bench import clips


def test_manifest_gives_clips_of_a_split_with_kind_and_transcript(corpus):
    found = clips.find(corpus, "dev")
    assert [clip.name for clip in found][:2] == ["dev/speech0.wav", "dev/speech1.wav"]
    assert Counter(clip.kind for clip in found) == {"speech": 3, "sound": 3, "music": 3}
    assert [clip.source for clip in found[::3]] == ["speechs", "objects", "instruments"]
    assert found[0].transcript == "oh" and found[0].path.is_file()
    assert clips.find(corpus / "manifest.csv", "dev") == found


def test_folder_gives_audio_files_of_unknown_kind(corpus):
    found = clips.find(corpus / "dev")
    assert len(found) == 9 and {clip.kind for clip in found} == {"unknown"}
    assert [clip.name for clip in found] == sorted(clip.name for clip in found)


def test_limit_is_balanced_seeded_and_in_order(corpus):
    found = clips.find(corpus, "dev", limit=2, seed=1)
    assert Counter(clip.kind for clip in found) == {"speech": 2, "sound": 2, "music": 2}
    assert found == clips.find(corpus, "dev", limit=2, seed=1)
    everything = clips.find(corpus, "dev")
    assert [clip for clip in everything if clip in found] == found
    draws = {tuple(clips.find(corpus, "dev", limit=1, seed=seed)) for seed in range(9)}
    assert len(draws) > 1


@pytest.mark.parametrize(
    "data, split, message",
    [
        ("missing", None, "is not there"),
        ("", "test", "no clips of split test; there are damaged, dev, train"),
        ("dev", "dev", "has no manifest.csv"),
        ("dev/speech0.wav", None, "expected a folder"),
    ],
)
def test_what_is_not_there_is_named(corpus, data, split, message):
    with pytest.raises((OSError, ValueError), match=message):
        clips.find(corpus / data, split)


def test_folder_without_audio_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no audio"):
        clips.find(tmp_path)
