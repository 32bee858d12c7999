"""Files appear whole or not at all, also those that are written block by block."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from llm_codec import atomic, blocks
from llm_codec.audio import AudioError


@pytest.fixture(params=[".wav", ".flac"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"a{request.param}"
    path.write_bytes(b"old")
    return path


def noise(count: int) -> Iterator[np.ndarray]:
    draw = np.random.default_rng(0)
    return (draw.uniform(-1, 1, 20000).astype(np.float32) for _ in range(count))


def test_a_sound_that_ends_in_an_error_leaves_the_old_file(old: Path) -> None:
    def waves() -> Iterator[np.ndarray]:
        yield from noise(5)
        raise AudioError("no more")

    with pytest.raises(AudioError, match="no more"):
        blocks.save(old, waves(), 16000)
    assert old.read_bytes() == b"old" and [*old.parent.iterdir()] == [old]


def test_a_disk_that_fills_amid_a_sound_leaves_the_old_file(old: Path) -> None:
    with room(2**16), pytest.raises(OSError, match=f"cannot be written.*{old.name}"):
        blocks.save(old, noise(9), 16000)
    assert old.read_bytes() == b"old" and [*old.parent.iterdir()] == [old]


def test_a_disk_that_fills_at_the_end_of_a_sound_leaves_the_old_file(old: Path) -> None:
    whole = old.with_stem("whole")
    blocks.save(whole, noise(1), 16000)
    size = whole.stat().st_size
    whole.unlink()
    with room(size - 30), pytest.raises(OSError, match=old.name):
        blocks.save(old, noise(1), 16000)
    assert old.read_bytes() == b"old" and [*old.parent.iterdir()] == [old]


@contextmanager
def room(size: int) -> Iterator[None]:
    """Writing more to a file fails, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_link_stays_and_the_file_it_names_is_written(tmp_path: Path) -> None:
    link, there = tmp_path / "link", tmp_path / "there"
    there.mkdir()
    link.symlink_to(there / "a")
    for data in (b"new", b"newer"):  # at first there is no such file
        atomic.write_bytes(link, data)
        assert link.is_symlink() and (there / "a").read_bytes() == data
        assert [*there.iterdir()] == [there / "a"]
