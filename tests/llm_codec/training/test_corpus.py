"""What training may hear: manifests, plain folders and data sets, each cut into parts."""

from __future__ import annotations

import builtins
import io
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pytest
import soundfile

from llm_codec.audio import AudioError
from llm_codec.training.corpus import open_corpus
from llm_codec.training.dataset import Recordings
from llm_codec.training.sources import Sources


def open_it(path: Path):
    return open_corpus(str(path), "train", "dev")


def paths(rows) -> set[str]:
    return {row["path"] for row in rows}


@pytest.fixture
def folder(tmp_path: Path, tone_file: Callable) -> Path:
    """Twenty tones in sub-folders of two labels, and one beside them."""
    for label, hertz in (("low", 200), ("high", 900)):
        (tmp_path / "tones" / label).mkdir(parents=True)
        for number in range(10):
            tone_file(hertz + number, 0.3, tmp_path / "tones" / label)
    tone_file(50, 0.3, tmp_path / "tones")
    return tmp_path / "tones"


@pytest.fixture
def table(tone: Callable) -> datasets.Dataset:
    """Twelve recordings as a data set has them: bytes of files, class numbers, speakers."""

    def wav(hertz: float) -> bytes:
        buffer = io.BytesIO()
        soundfile.write(buffer, tone(hertz, 0.3), 8000, format="WAV")
        return buffer.getvalue()

    columns = {"audio": [{"bytes": wav(100 + n), "path": None} for n in range(12)],
               "label": [-1, None, *(n % 2 for n in range(2, 12))],  # two have none
               "speaker_id": [n % 3 for n in range(12)],
               "text": [f"tone {n}" for n in range(12)]}
    file = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    kinds = {"audio": file, "label": datasets.ClassLabel(names=["a", "b"]),
             "speaker_id": datasets.Value("int64"), "text": datasets.Value("string")}
    made = datasets.Dataset.from_dict(columns, features=datasets.Features(kinds))
    return made.cast_column("audio", datasets.Audio())


def test_a_manifest_is_read_as_it_is(corpus: Path) -> None:
    found = open_it(corpus)
    assert {row["split"] for row in found.rows} == {"train", "dev", "test"}
    row = found.part("train")[0]
    assert np.array_equal(found.load(row, 16000), soundfile.read(corpus / row["path"],
                                                                 dtype="float32")[0])


def test_a_folder_is_a_label_for_each_sub_folder(folder: Path) -> None:
    found = open_it(folder)
    assert len(found.rows) == 21 and {row["source"] for row in found.rows} == {"tones"}
    for row in found.rows:
        parent = Path(row["path"]).parent.name
        assert row["label"] == parent and row["label_kind"] == ("sound_class" if parent else "")
    assert found.load(found.rows[0], 8000).shape == (2400,)


def test_a_folder_keeps_one_clip_in_ten_to_evaluate_on(folder: Path) -> None:
    train, dev = (open_it(folder).part(name) for name in ("train", "dev"))
    assert len(dev) == 2 and len(train) == 19 and not paths(train) & paths(dev)
    assert dev == open_it(folder).part("dev")


def test_a_folder_may_bring_its_own_splits(folder: Path) -> None:
    splits = folder.parent / "splits"
    splits.mkdir()
    for name in ("train", "dev"):
        (splits / name).mkdir()
    (folder / "low").rename(splits / "train" / "low")
    (folder / "high").rename(splits / "dev" / "high")
    found = open_it(splits)
    assert {row["label"] for row in found.part("train")} == {"low"}
    assert {row["label"] for row in found.part("dev")} == {"high"}


def test_what_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty holds neither a manifest.csv nor audio"):
        open_it(tmp_path / "empty")
    with pytest.raises(ValueError, match="no clips of the split 'valid'; there are dev, train, "
                                         "which the recipe's split and evaluate_split may name"):
        open_it(folder).part("valid")


@pytest.mark.parametrize("parts", [("train",), ("train", "dev")])
def test_a_saved_data_set_is_read(table: datasets.Dataset, tmp_path: Path, parts) -> None:
    made = datasets.DatasetDict(dict.fromkeys(parts, table)) if len(parts) > 1 else table
    made.save_to_disk(tmp_path / "set")
    found = open_it(tmp_path / "set")
    assert {row["split"] for row in found.rows} == {"train", "dev"}
    row = next(row for row in found.rows if row["path"] == "train/5")
    assert (row["label"], row["speaker"], row["transcript"]) == ("b", "2", "tone 5")
    assert found.load(row, 16000).shape == (9600,)


def test_a_validation_split_is_the_one_to_evaluate_on(
    table: datasets.Dataset, tmp_path: Path
) -> None:
    parts = ("train", "validation", "test")
    datasets.DatasetDict(dict.fromkeys(parts, table)).save_to_disk(tmp_path / "set")
    found = open_it(tmp_path / "set")
    assert {row["split"] for row in found.rows} == {"train", "dev", "test"}
    assert paths(found.part("dev")) == {f"validation/{number}" for number in range(12)}
    assert found.load(found.part("dev")[0], 16000).shape == (9600,)


@pytest.mark.parametrize("kind", ["path", "nothing", "channels first", "channels last"])
def test_audio_may_stand_in_a_data_set_in_other_ways(
    folder: Path, tmp_path: Path, kind: str
) -> None:
    wave = soundfile.read(next(folder.glob("*.wav")), dtype="float32")[0]
    both = np.stack([wave, -0.5 * wave])
    value = {"path": str(next(folder.glob("*.wav"))), "nothing": None,
             "channels first": {"array": both.tolist(), "sampling_rate": 16000},
             "channels last": {"array": both.T.tolist(), "sampling_rate": 16000}}[kind]
    made = datasets.Dataset.from_dict({"audio": [value] * 12})
    made.save_to_disk(tmp_path / "set")
    found = open_it(tmp_path / "set")
    if kind == "nothing":
        with pytest.raises(AudioError, match="clip train/0 cannot be decoded"):
            found.load(found.rows[0] | {"path": "train/0"}, 16000)
        return
    heard = found.load(found.rows[0], 16000)
    assert np.allclose(heard, wave if kind == "path" else wave / 4, atol=1e-6)


def test_a_name_is_looked_for_on_the_hub(
    table: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(datasets, "load_dataset", lambda *name: asked.append(name) or table)
    assert len(Recordings("owner/set:small", "train").rows) == 12
    assert asked == [("owner/set", "small")]

    def refuse(*_):
        raise ConnectionError

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(FileNotFoundError, match="owner/set is no folder with audio"):
        Recordings("owner/set", "train")
    no_audio = table.remove_columns("audio")
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: no_audio)
    with pytest.raises(ValueError, match="expected one with audio"):
        Recordings("owner/set", "train")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *more: real(
        "no_such_package" if name == "datasets" else name, *more))
    with pytest.raises(ImportError, match=r"pip install 'llm-codec\[train\]'"):
        open_it(Path("owner/set"))


def test_a_run_reads_its_own_parts_alone(recipe: Callable, corpus: Path, tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """A clip is never in two parts; the audio of other splits is not even opened."""
    opened, read = [], soundfile.read
    monkeypatch.setattr(soundfile, "read",
                        lambda file, **kw: opened.append(str(file)) or read(file, **kw))
    for held_out, kept in ((("held",), "train"), ((), "dev")):
        opened.clear()
        config = recipe(held_out=held_out)
        sources = Sources(config, tmp_path / kept, 16000)
        train, other = paths(sources.train.rows), paths(sources.held_out.rows)
        assert train and other and not train & other
        assert {row["split"] for row in sources.held_out.rows} == {kept}
        assert {row["speaker"] for row in sources.held_out.rows if held_out} <= {"held"}
        wanted = {str(corpus / path) for path in train | other}
        assert set(opened) == wanted


def test_noise_is_a_folder_or_rows_to_train_on(recipe: Callable, folder: Path,
                                               tmp_path: Path) -> None:
    assert Sources(recipe(), tmp_path / "c", 16000).noise is None
    hum = Sources(recipe(noise="hums", noise_snr=(1, 2)), tmp_path / "c", 16000).noise
    assert paths(hum.bank.rows) == {"train/hum.wav"} and hum.snr == (1, 2)
    assert len(Sources(recipe(noise=str(folder)), tmp_path / "c", 16000).noise.bank.rows) == 19
    with pytest.raises(ValueError, match="noise is 'rain', which is no folder and no group"):
        Sources(recipe(noise="rain"), tmp_path / "c", 16000)
