"""LLMCodec on the hub: pushed, found again by name and revision, refused where it does not fit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import torch

from llm_codec import LLMCodec
from llm_codec.checkpoint import CheckpointError


class FakeHub:
    """Takes uploads and lays them out as huggingface_hub lays out its cache."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.calls: list[tuple[str, dict]] = []

    def create_repo(self, repo_id: str, **options: object) -> SimpleNamespace:
        self.calls.append((repo_id, options))
        return SimpleNamespace(repo_id=repo_id if "/" in repo_id else f"me/{repo_id}")

    def upload_folder(self, repo_id: str, folder_path: str, **options: object) -> str:
        self.calls.append((repo_id, options))
        root = self.cache / f"models--{repo_id.replace('/', '--')}"
        commit = f"{len(self.calls):040d}"
        shutil.copytree(folder_path, root / "snapshots" / commit)
        (root / "refs").mkdir(exist_ok=True)
        (root / "refs" / (options.get("revision") or "main")).write_text(commit)
        return f"https://hub/{repo_id}/commit/{commit}"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub(tmp_path / "cache")
    monkeypatch.setattr("llm_codec.hub.HfApi", lambda token=None: fake)
    return fake


def load(hub: FakeHub, name: str = "me/codec", **options: object) -> LLMCodec:
    return LLMCodec.from_pretrained(name, local_files_only=True, cache_dir=hub.cache, **options)


def test_it_is_a_model_of_the_hub() -> None:
    assert isinstance(LLMCodec.tiny(), huggingface_hub.ModelHubMixin)


def test_what_was_pushed_is_loaded_by_name(codec: LLMCodec, hub: FakeHub) -> None:
    assert codec.push_to_hub("me/codec", dtype=None, private=True).startswith("https://hub/me/")
    assert hub.calls[0] == ("me/codec", {"private": True, "exist_ok": True})
    loaded = load(hub)
    assert loaded.fingerprint == codec.fingerprint
    assert loaded.config == codec.config and loaded.vocabulary == codec.vocabulary


def test_revisions_are_told_apart(hub: FakeHub) -> None:
    first, second = LLMCodec.tiny(seed=1), LLMCodec.tiny(seed=2)
    first.push_to_hub("me/codec", dtype=None, branch="v1")
    second.push_to_hub("me/codec", dtype=None)
    assert load(hub, revision="v1").fingerprint == first.fingerprint
    assert load(hub).fingerprint == second.fingerprint
    with pytest.raises(CheckpointError, match="me/codec is no folder here"):
        load(hub, revision="v2")


def test_saving_can_push_the_same_weights(codec: LLMCodec, hub: FakeHub, tmp_path: Path) -> None:
    assert codec.save_pretrained(tmp_path / "mine") is None and not hub.calls
    url = codec.save_pretrained(tmp_path / "mine", push_to_hub=True, commit_message="New")
    assert url.startswith("https://hub/me/mine/") and hub.calls[1][1]["commit_message"] == "New"
    local = LLMCodec.from_pretrained(tmp_path / "mine")
    assert load(hub, "me/mine").fingerprint == local.fingerprint
    with pytest.raises(TypeError, match="only with push_to_hub"):
        codec.save_pretrained(tmp_path / "other", private=True)
    assert not (tmp_path / "other").exists()


def test_the_card_names_paper_and_library_and_is_kept(codec: LLMCodec, tmp_path: Path) -> None:
    codec.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert "library_name: llm-codec" in card and "arxiv.org/abs/2406.10056" in card
    (tmp_path / "README.md").write_text("my own words")
    codec.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "my own words"


def test_a_card_is_written_whole_or_not_at_all(
    codec: LLMCodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a card would be kept like one that somebody wrote."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left.*README.md"):
        codec.write_card(tmp_path)
    assert not [*tmp_path.iterdir()]


def test_files_on_the_hub_that_do_not_belong_together_are_refused(hub: FakeHub) -> None:
    LLMCodec.tiny(seed=1).push_to_hub("me/codec", dtype=None)
    LLMCodec.tiny(seed=2).push_to_hub("me/other", dtype=None)
    one, other = (next(hub.cache.glob(f"*{name}/snapshots/*")) for name in ("codec", "other"))
    shutil.copy(other / "model.safetensors", one / "model.safetensors")
    with pytest.raises(CheckpointError, match="do not belong together"):
        load(hub)
    shutil.copy(other / "config.json", one / "config.json")
    assert load(hub).fingerprint == load(hub, "me/other").fingerprint


def test_weights_are_taken_whole_or_not_at_all(hub: FakeHub) -> None:
    """Strict: tensors that are missing or unknown are an error though every fingerprint fits."""
    codec = LLMCodec.tiny()
    for change in ("missing", "unknown"):
        state = codec.state_dict()
        state.popitem() if change == "missing" else state.update(extra=torch.zeros(1))
        broken = LLMCodec.tiny()
        broken.state_dict = lambda state=state: state  # type: ignore[method-assign]
        broken.push_to_hub("me/codec", dtype=None)
        with pytest.raises(CheckpointError, match="config and files do not fit"):
            load(hub)


def test_misspelt_arguments_are_errors(codec: LLMCodec, hub: FakeHub) -> None:
    for name in ("pocket", "me/codec"):
        with pytest.raises(TypeError, match="unknown arguments.*local_only"):
            LLMCodec.from_pretrained(name, local_only=True)


def test_without_network_a_name_that_is_not_cached_is_one_line(hub: FakeHub) -> None:
    with pytest.raises(CheckpointError, match="me/nothing is no folder here") as caught:
        load(hub, "me/nothing")
    assert "\n" not in str(caught.value)
