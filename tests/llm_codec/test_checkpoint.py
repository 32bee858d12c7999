"""Checkpoints: found by name, verified on load, whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

import huggingface_hub
import pytest
import torch
from torch import Tensor

from llm_codec import checkpoint
from llm_codec.checkpoint import CheckpointError
from llm_codec.config import CodecConfig
from llm_codec.vocabulary import Vocabulary, VocabularyError

CONFIG = CodecConfig(codebook_sizes=(2, 3, 3), level_db=-26.0)
WORDS = Vocabulary([["a", "b"], ["x", "y", "z"], ["x", "y", "z"]])


def weights() -> dict[str, Tensor]:
    return {
        "b": torch.arange(6.0).half().reshape(2, 3),
        "a": torch.tensor(3, dtype=torch.int64),
        "c": torch.ones(4).bfloat16(),
        "none": torch.zeros(0, 3),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "new" / "codec", CONFIG, weights(), WORDS, {"llm": "f" * 16, "n": 1})
    return tmp_path / "new" / "codec"


def test_load_gives_back_what_was_saved(folder: Path) -> None:
    loaded = checkpoint.load(folder)
    assert loaded.config == CONFIG and loaded.vocabulary == WORDS
    assert loaded.state.keys() == weights().keys()
    for name, tensor in weights().items():
        assert loaded.state[name].dtype == tensor.dtype
        assert torch.equal(loaded.state[name], tensor)
    assert loaded.fingerprint == checkpoint.fingerprint(weights())
    assert loaded.metadata["llm"] == "f" * 16 and loaded.metadata["n"] == 1
    assert loaded.metadata["fingerprints"]["weights"] == loaded.fingerprint
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "vocabulary.json",
    ]


def test_what_was_loaded_can_be_saved_again(folder: Path, tmp_path: Path) -> None:
    loaded = checkpoint.load(folder)
    checkpoint.save(tmp_path, loaded.config, loaded.state, loaded.vocabulary, loaded.metadata)
    assert (tmp_path / "config.json").read_text() == (folder / "config.json").read_text()
    assert checkpoint.load(tmp_path).metadata == loaded.metadata


def test_a_codec_without_words(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, CONFIG, weights())
    assert checkpoint.load(tmp_path).vocabulary is None


def test_fingerprint_sees_names_types_shapes_and_values() -> None:
    one = torch.tensor([[1.0, 2.0]])
    states = [
        {"a": one},
        {"b": one},
        {"a": one.half()},
        {"a": one.T},
        {"a": one * 2},
        {"a": one, "b": one},
        {},
    ]
    assert len({checkpoint.fingerprint(state) for state in states}) == len(states)
    assert checkpoint.fingerprint({"a": one, "b": one}) == checkpoint.fingerprint(
        {"b": one.clone(), "a": one.T.contiguous().T}
    )


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_files_of_two_checkpoints_do_not_mix(folder: Path, tmp_path: Path) -> None:
    other = weights() | {"b": torch.zeros(2, 3).half()}
    checkpoint.save(tmp_path, CONFIG, other, Vocabulary([["b", "a"], *WORDS.scales[1:]]))
    (tmp_path / "model.safetensors").replace(folder / "model.safetensors")
    expected = checkpoint.fingerprint(weights())
    with pytest.raises(CheckpointError, match=f"{checkpoint.fingerprint(other)}.*{expected}"):
        checkpoint.load(folder)
    checkpoint.save(folder, CONFIG, weights(), WORDS)
    (tmp_path / "vocabulary.json").replace(folder / "vocabulary.json")
    with pytest.raises(CheckpointError, match=f"vocabulary.json has.*{WORDS.fingerprint}"):
        checkpoint.load(folder)


def test_damage_is_one_clear_line(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = path.read_bytes()
    for damaged in (b"", content[:40], content[:-3], b"version https://git-lfs\n" * 4):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="damaged or cut short") as caught:
            checkpoint.load(folder)
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(CheckpointError, match="model.safetensors is missing"):
        checkpoint.load(folder)


def test_missing_words_are_named(folder: Path) -> None:
    (folder / "vocabulary.json").unlink()
    with pytest.raises(VocabularyError, match="vocabulary.json cannot be read"):
        checkpoint.load(folder)


def test_config_is_checked(folder: Path) -> None:
    path = folder / "config.json"
    edit(path, config={"encoder": "mouth"})
    with pytest.raises(CheckpointError, match="config.json: CodecConfig.encoder is 'mouth'"):
        checkpoint.load(folder)
    edit(path, format=2)
    with pytest.raises(CheckpointError, match="newer version"):
        checkpoint.load(folder)
    for text in ("", "[]", "{}", '{"format": 1}'):
        path.write_text(text)
        with pytest.raises(CheckpointError, match="is not the config of a codec"):
            checkpoint.load(folder)
    path.unlink()
    with pytest.raises(CheckpointError, match="config.json cannot be read"):
        checkpoint.load(folder)


def test_a_failed_save_leaves_a_checkpoint_that_does_not_load(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Vocabulary, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Vocabulary, "save", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(folder, CONFIG, {"a": torch.zeros(1)}, WORDS)
    with pytest.raises(CheckpointError, match="do not belong together"):
        checkpoint.load(folder)


def test_resolve_takes_folders_and_pairs(folder: Path) -> None:
    assert checkpoint.resolve(folder) == folder
    assert checkpoint.resolve(str(folder)) == folder
    assert checkpoint.resolve(folder.parent) == folder
    assert checkpoint.resolve(folder.parent, part="llm") == folder.parent


@pytest.mark.parametrize("layout", ["llm_codec_checkpoints", "checkpoints"])
def test_preset_lies_beside_the_package(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    monkeypatch.setattr(checkpoint, "__file__", str(tmp_path / "llm_codec" / "checkpoint.py"))
    with pytest.raises(CheckpointError, match="codec of preset pocket is not installed"):
        checkpoint.resolve("pocket")
    (tmp_path / layout / "pocket").mkdir(parents=True)
    folder.replace(tmp_path / layout / "pocket" / "codec")
    monkeypatch.chdir("/")
    assert checkpoint.resolve("pocket") == tmp_path / layout / "pocket" / "codec"


@pytest.mark.parametrize("name", ["purse", "./nowhere", "/no/such/folder", "a/b/c", "", "~/none/x"])
def test_resolve_says_what_it_expected(name: str) -> None:
    with pytest.raises(CheckpointError, match="expected a preset .pocket., a folder, or a hub id"):
        checkpoint.resolve(name)


def test_resolve_asks_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def snapshot(name: str, revision: str | None, local_files_only: bool) -> str:
        asked.append((name, revision, local_files_only))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert checkpoint.resolve("owner/name", revision="v1", local_files_only=True) == folder
    assert asked == [("owner/name", "v1", True)]


def test_a_hub_without_answer_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def snapshot(name: str, **_: object) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("offline\nand long")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    with pytest.raises(CheckpointError, match="owner/name is no folder here") as caught:
        checkpoint.resolve("owner/name")
    assert "\n" not in str(caught.value)
