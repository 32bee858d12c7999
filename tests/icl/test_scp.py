"""Published episode files are read as they are, and their oddities are told."""

import numpy as np
import pytest
import soundfile

from icl.scp import oddities, read_scp
from icl.tasks.base import DataError

LINES = (
    "welsh/p1.wav,indian/deep/er/p2.wav,indian/p9.wav,\n"
    "indian/p2.wav,welsh/p1.wav,welsh/p1.wav,\n\n"
    "welsh/p1.wav,indian/p2.wav,indian/p8.wav,\n"
)


@pytest.fixture
def episodes(tmp_path):
    (tmp_path / "acc.scp").write_text(LINES)
    return read_scp(tmp_path / "acc.scp", tmp_path / "audio")


def test_the_last_field_is_the_query_and_the_others_keep_their_order(episodes, tmp_path):
    first = episodes[0]
    assert [clip.label for clip in first.support] == ["welsh", "indian"]
    assert first.query.label == "indian" and first.labels == ("indian", "welsh")
    assert first.support[1].path == tmp_path / "audio" / "p2.wav"  # the name's last part alone
    assert len(episodes) == 3


def test_clips_are_cut_or_filled_to_one_second(episodes, tmp_path, tone):
    (tmp_path / "audio").mkdir()
    for name, seconds in (("p1", 0.4), ("p9", 1.7)):
        soundfile.write(tmp_path / "audio" / f"{name}.wav", tone(300, seconds), 16000)
    short, long = episodes[0].support[0].load(), episodes[0].query.load()
    assert len(short) == len(long) == 16000
    assert np.abs(short[:6400]).max() > 0.1 and not short[6400:].any() and long[15999] != 0


def test_oddities_are_counted(episodes):
    assert oddities(episodes) == {
        "query_among_examples": 1,
        "most_asked_label_share": 2 / 3,
        "distinct_supports": 1,
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("welsh/a.wav,indian,", "line 1: 'indian' is not LABEL/FILE"),
        ("welsh/a.wav,indian/b.wav,thai/c.wav,", "labelled 'thai'"),
        ("welsh/a.wav,welsh/b.wav,welsh/c.wav,", "two labels or more"),
        ("\n", "holds no episode"),
    ],
)
def test_lines_of_another_form_are_named(tmp_path, line, message):
    (tmp_path / "bad.scp").write_text(line)
    with pytest.raises(DataError, match=message):
        read_scp(tmp_path / "bad.scp", tmp_path)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(DataError, match="none.scp cannot be read"):
        read_scp(tmp_path / "none.scp", tmp_path)
