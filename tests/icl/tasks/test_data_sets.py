"""Data sets are read as labelled clips: sources of a manifest, folders, the public ESC-50."""

from dataclasses import replace

import pytest
import soundfile

from icl import tasks
from icl.episode import sample_episodes, unseen
from icl.tasks import ClassificationTask, DataError
from icl.tasks.generation import GenerationTask
from llm_codec.manifest import read_manifest

HEADER = "path,source,licence,split,label,label_kind,speaker,seconds,lang,group,note\n"
ROWS = (
    "dev/a.flac,booth-sounds,MIT,dev,glass_smash,sound_class,,1,,environment,\n"
    "dev/b.flac,booth-sounds,MIT,dev,stapler,sound_class,,1,,environment,\n"
    "dev/c.flac,librispeech,CC,dev,,,ls-1,1,en,speech,train-clean-100; sex=M\n"
    "dev/d.flac,librispeech,CC,dev,,,ls-2,1,en,speech,train-clean-100; sex=F\n"
    "dev/e.flac,arabic-speech-commands,CC,dev,stop,keyword,asc-1,1,ar,speech,\n"
    "dev/f.flac,emodb,CC,dev,anger,emotion,e-1,1,de,speech,sex=F\n"
    "train/g.flac,olpc-berklee,CC,train,hand_drum,sound_name,,1,,instrument,\n"
    "train/h.flac,olpc-berklee,CC,train,train,sound_name,,1,,object,\n"
    "train/i.flac,arabic-speech-commands,CC,train,hiss,noise,,1,,noise,\n"
)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "manifest.csv").write_text(HEADER + ROWS)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "split", "labels"),
    [
        ("booth-sounds", "dev", ["glass smash", "stapler"]),
        ("speaker-sex", "dev", ["male", "female"]),
        ("speakers", "dev", ["ls-1", "ls-2"]),
        ("language", "dev", ["arabic", "german"]),
        ("emodb", "dev", ["anger"]),
        ("instrument", "train", ["hand drum"]),
        ("olpc-berklee", "train", ["hand drum", "train"]),
    ],
)
def test_a_task_takes_its_rows_and_words_its_labels(root, name, split, labels):
    assert [clip.label for clip in tasks.get(name).load(root, split)] == labels


def test_recordings_of_noise_are_no_examples(root):
    with pytest.raises(DataError, match=r"no split 'train' of arabic.*\['dev'\]"):
        tasks.get("arabic-speech-commands").load(root, "train")


def test_a_manifest_without_the_rows_says_which_are_wanted(root):
    with pytest.raises(DataError, match="source picovoice-intents"):
        tasks.get("coffee-orders").load(root)


def test_an_unknown_language_is_named_with_its_row(root):
    (root / "manifest.csv").write_text(HEADER + ROWS.replace(",ar,", ",xx,"))
    with pytest.raises(DataError, match="dev/e.flac.*xx"):
        tasks.get("language").load(root)


def test_every_task_names_itself_and_its_licence():
    for name in tasks.TASKS:
        task = tasks.get(name)
        assert task.name == name and task.licence and task.version >= 1
        assert isinstance(task, ClassificationTask | GenerationTask)


def test_a_folder_has_one_sub_folder_per_label(tmp_path, tone_file):
    for label in ("dog", "door_bell"):
        (tmp_path / label).mkdir()
        tone_file(300, folder=tmp_path / label)
    soundfile.write(tmp_path / "dog/ann_nohash_0.wav", [0.1, 0.2], 16000)
    clips = tasks.get("folder").load(tmp_path)
    assert [(clip.label, clip.speaker) for clip in clips] == [
        ("dog", "ann"), ("dog", ""), ("door bell", "")
    ]


def test_a_folder_may_hold_splits(tmp_path, tone_file):
    for split in ("train", "test"):
        (tmp_path / split / "dog").mkdir(parents=True)
        tone_file(300, folder=tmp_path / split / "dog")
    assert [clip.label for clip in tasks.get("folder").load(tmp_path, "test")] == ["dog"]
    with pytest.raises(DataError, match=r"no split 'dev' of folder.*\['test', 'train'\]"):
        tasks.get("folder").load(tmp_path)
    with pytest.raises(DataError, match="no sub-folder with audio"):
        tasks.get("folder").load(tmp_path / "test" / "dog")


def test_the_public_esc50_is_read_by_folds(tmp_path):
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/esc50.csv").write_text(
        "filename,fold,category,src_file\n1-a.wav,1,dog,a\n5-b.wav,5,door_wood_knock,b\n"
    )
    (test,) = tasks.get("esc50").load(tmp_path)
    (train,) = tasks.get("esc50").load(tmp_path, "train")
    assert (test.label, train.label) == ("door wood knock", "dog")
    assert test.path == tmp_path / "audio" / "5-b.wav" and test.speaker == "b"
    with pytest.raises(DataError, match="is .* a copy of ESC-50"):
        tasks.get("esc50").load(tmp_path / "meta")


def test_unseen_labels_are_those_that_train_lacks(root):
    clips = tasks.get("booth-sounds").load(root)
    assert [c.label for c in unseen(clips, [replace(clips[0])])] == ["stapler"]


def test_no_speaker_of_real_data_is_in_two_splits(shared_audio):
    rows = [row for row in read_manifest(shared_audio) if row["speaker"]]
    train, dev = ({row["speaker"] for row in rows if row["split"] == s} for s in ("train", "dev"))
    assert len(train) > 1000 and len(dev) > 100 and not train & dev
    assert {row["split"] for row in rows} == {"train", "dev"}


def test_real_tasks_give_episodes(shared_audio):
    for name in ("booth-sounds", "emodb", "arabic-speech-commands", "language", "instrument"):
        clips = tasks.get(name).load(shared_audio)
        assert len(sample_episodes(clips, 2, 1, 10)) == 10
