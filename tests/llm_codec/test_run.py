"""What training runs share: recipes are checked, rates rise and fall, state survives a stop."""

import json
import os
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from llm_codec.run import RunFolder, learning_rate_share, read_recipe


@dataclass(frozen=True)
class Recipe:
    name: str
    steps: int = 3
    rate: float = 0.5
    strict: bool = False
    sizes: tuple[int, ...] = (1, 2)
    shares: dict[str, float] = field(default_factory=dict)
    other: dict[str, Any] = field(default_factory=dict)
    limit: float | None = None


@pytest.fixture
def write(tmp_path):
    def to_file(values):
        path = tmp_path / "recipe.json"
        path.write_bytes(values if isinstance(values, bytes) else json.dumps(values).encode())
        return path

    return to_file


def test_defaults_file_and_overrides_add_up(write):
    path = write({"name": "a", "steps": 5, "rate": 1, "sizes": [4], "limit": None})
    assert read_recipe(Recipe, path, steps=9) == Recipe("a", 9, 1, sizes=[4])
    full = {"name": "a", "strict": True, "shares": {"x": 1}, "other": {"y": [1]}, "limit": 0.1}
    assert read_recipe(Recipe, write(full)) == Recipe(**full)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        ([1], "not a JSON object but a list"),
        ({}, "lacks name"),
        ({"name": "a", "stepz": 1}, r"unknown keys \['stepz'\]"),
        ({"name": 3}, "name is 3 but must be of type str"),
        ({"name": "a", "steps": 1.5}, "steps is 1.5"),
        ({"name": "a", "steps": True}, "steps is True"),
        ({"name": "a", "rate": "high"}, "rate is 'high'"),
        ({"name": "a", "strict": 1}, "strict is 1"),
        ({"name": "a", "sizes": 3}, "sizes is 3"),
        ({"name": "a", "sizes": ["b"]}, "sizes is"),
        ({"name": "a", "shares": {"x": "y"}}, "shares is"),
        ({"name": "a", "limit": "none"}, "limit is 'none'"),
    ],
)
def test_a_bad_recipe_names_file_and_fault(write, values, message):
    with pytest.raises(ValueError, match=f"recipe.json.*{message}"):
        read_recipe(Recipe, write(values))


def test_a_recipe_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.json"):
        read_recipe(Recipe, tmp_path / "none.json")


def test_the_rate_rises_to_full_and_falls_to_the_floor():
    shares = [learning_rate_share(step, warmup=4, steps=20, floor=0.1) for step in range(21)]
    assert shares[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert all(one > two for one, two in zip(shares[4:], shares[5:], strict=False))
    assert shares[20] == pytest.approx(0.1)
    assert learning_rate_share(0, warmup=0, steps=1, floor=0.1) == 1.0


def test_state_comes_back_and_nothing_else_is_left(tmp_path):
    folder = RunFolder(tmp_path / "train")
    assert folder.load() is None and not folder.path.exists()
    for step in (1, 2):
        folder.save({"step": step, "weights": {"w": torch.full((2,), step)}})
    state = folder.load()
    assert state["step"] == 2 and state["weights"]["w"].tolist() == [2, 2]
    assert [path.name for path in folder.path.iterdir()] == ["state.pt"]


def test_a_stop_while_saving_keeps_the_state_before(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    folder.save({"step": 1})

    def half_way(state, stream):
        stream.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half_way)
    with pytest.raises(KeyboardInterrupt):
        folder.save({"step": 2})
    assert folder.load() == {"step": 1}


def test_the_log_grows_by_lines_with_a_time(tmp_path):
    folder = RunFolder(tmp_path / "train")
    folder.log(step=0, loss=1.5)
    folder.log(step=1, loss=1.25)
    rows = [json.loads(line) for line in (folder.path / "log.jsonl").read_text().splitlines()]
    assert [(row["step"], row["loss"]) for row in rows] == [(0, 1.5), (1, 1.25)]
    assert rows[0]["time"] <= rows[1]["time"]


class Trap:
    """Runs a command when it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_a_state_that_would_run_code_is_refused(tmp_path):
    torch.save({"step": 1, "trap": Trap(f"touch {tmp_path / 'sprung'}")}, tmp_path / "state.pt")
    with pytest.raises(ValueError, match="state.pt is damaged"):
        RunFolder(tmp_path).load()
    assert not (tmp_path / "sprung").exists()


def test_a_damaged_or_foreign_state_is_one_line(tmp_path):
    folder = RunFolder(tmp_path)
    folder.save({"step": 1, "model": {}})
    with pytest.raises(ValueError, match="state.pt is the state of another kind of run"):
        folder.load(keys=("trained", "step"))
    whole = (tmp_path / "state.pt").read_bytes()
    for damaged in (b"", b"none of this", whole[: len(whole) // 2]):
        (tmp_path / "state.pt").write_bytes(damaged)
        with pytest.raises(ValueError, match="state.pt is damaged"):
            folder.load()
