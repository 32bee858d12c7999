"""Tasks read their data in the forms it comes in, and say what is missing."""

from collections import Counter

import numpy as np
import pytest
import soundfile

from icl import tasks
from icl.tasks.base import DATA_VARIABLE, DataError, data_root
from llm_codec.manifest import ManifestError

HEADER = "path,source,split,label,label_kind,speaker,seconds\n"


def test_a_task_is_found_by_name():
    assert tasks.get("fsdd").name == "fsdd"
    with pytest.raises(DataError, match="fsdd"):
        tasks.get("unknown")


def test_the_public_recordings_folder_is_read(tmp_path, tone):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in ("3_ann_0", "3_ann_7", "0_bob_12"):
        soundfile.write(folder / f"{name}.wav", tone(300, 0.1, 8000), 8000)
    (clip,) = tasks.get("fsdd").load(tmp_path, "test")
    assert (clip.label, clip.speaker) == ("three", "ann")
    assert clip.load().shape == (1600,) and clip.load().dtype == np.float32
    train = tasks.get("fsdd").load(tmp_path, "train")
    assert [clip.label for clip in train] == ["zero", "three"]


def test_a_manifest_is_read_and_other_sources_are_left_out(tmp_path):
    rows = "dev/a.flac,fsdd,dev,7,digit,ann,0.5\ndev/b.flac,esc10,dev,dog,sound,,5\n"
    (tmp_path / "manifest.csv").write_text(HEADER + rows)
    (clip,) = tasks.get("fsdd").load(tmp_path)
    assert (clip.path, clip.label, clip.seconds) == (tmp_path / "dev/a.flac", "seven", 0.5)


def test_missing_data_is_said_in_one_line(tmp_path):
    with pytest.raises(DataError, match="no spoken digits"):
        tasks.get("fsdd").load(tmp_path)
    (tmp_path / "manifest.csv").write_text("path,source\nx,fsdd\n")
    with pytest.raises(ManifestError, match="no column split, label, label_kind, speaker"):
        tasks.get("fsdd").load(tmp_path)
    (tmp_path / "manifest.csv").write_text(HEADER + "dev/a.flac,fsdd,dev,7,digit,ann,0.5\n")
    with pytest.raises(DataError, match="no split 'test'"):
        tasks.get("fsdd").load(tmp_path, "test")


@pytest.mark.parametrize("label,seconds", [("12", "1"), ("-1", "1"), ("dog", "1"), ("3", "long")])
def test_a_row_that_is_no_digit_is_named(tmp_path, label, seconds):
    row = f"dev/a.flac,fsdd,dev,{label},digit,ann,{seconds}\n"
    (tmp_path / "manifest.csv").write_text(HEADER + row)
    with pytest.raises(DataError, match="dev/a.flac has label"):
        tasks.get("fsdd").load(tmp_path)


def test_the_data_folder_is_the_argument_else_the_variable_else_the_neighbour(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    with pytest.raises(DataError, match=f"--data DIR.*{DATA_VARIABLE}"):
        data_root()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "here"))
    assert data_root() == tmp_path / "here"
    assert data_root(tmp_path) == tmp_path
    with pytest.raises(DataError, match="nowhere is not a folder"):
        data_root(tmp_path / "nowhere")


def test_real_digits_are_balanced_and_audible(shared_audio):
    clips = tasks.get("fsdd").load(shared_audio, "dev")
    assert set(Counter(clip.label for clip in clips).values()) == {30}
    assert {clip.speaker for clip in clips} == {"fsdd-george"}
    wave = clips[0].load()
    assert wave.ndim == 1 and np.abs(wave).max() > 1e-3
    assert len(wave) == pytest.approx(clips[0].seconds * 16000, abs=16)


def test_real_digits_inside_an_archive_are_read(shared_audio):
    clip = tasks.get("fsdd").load(shared_audio, "train")[0]
    assert len(clip.load()) == pytest.approx(clip.seconds * 16000, abs=16)
    missing = tasks.Clip(clip.path.with_name("none.opus"), "one")
    with pytest.raises(ManifestError, match="none.opus"):
        missing.load()
