"""What each loss is good for: the same run with all of them, and without each in turn."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from llm_codec import atomic, checkpoint
from llm_codec.run import read_log
from llm_codec.training.config import TrainConfig
from llm_codec.training.guard import CodebookCollapse
from llm_codec.training.trainer import Trainer

ALL = "all losses"
COLUMNS = {  # of the table: title, factor, digits; those that were measured
    "mel": ("mel ↓", 1, 3), "stft": ("STFT ↓", 1, 3), "pesq_wb": ("PESQ-WB ↑", 1, 2),
    "stoi": ("STOI ↑", 1, 3), "use1": ("words in use 1, % ↑", 100, 1),
    "entropy1": ("entropy 1, % ↑", 100, 1), "kept_gain": ("kept −6 dB, % ↑", 100, 1),
    "kept_shift": ("kept 10 ms, % ↑", 100, 1), "kept_noise": ("kept 20 dB, % ↑", 100, 1),
    "few_shot": ("2-way 1-shot, % ↑", 100, 1),
}


class Ablation:
    """Runs of one recipe that differ in the weights of their losses alone.

    Every run has the same seed, data and steps. ``record.jsonl`` gets a line for each run, and
    ``table.md`` means over seeds, as soon as a run ends; a stopped ablation goes on with the run
    it was in. A run whose codebook collapses stands in the table as such.

    Args:
        config: the recipe; all is written to ``ablation/`` in its ``out``.
        losses: to leave out, one at a time; several joined by ``+`` are left out together.
        seeds: runs of each; the first has the recipe's seed, the next ones the seeds after it.

    Raises:
        ValueError: a loss has no weight in the recipe, or a record of other settings is there.
    """

    def __init__(self, config: TrainConfig, losses: Sequence[str], seeds: int = 1) -> None:
        left_out = [name for joined in losses for name in joined.split("+")]
        if off := [name for name in left_out if not config.weights.get(name)]:
            raise ValueError(f"{', '.join(off)} cannot be left out: the recipe's weights are "
                             f"{config.weights}")
        if any(not set(config.weights) - set(joined.split("+")) for joined in losses):
            raise ValueError("with no loss left there is nothing to train with")
        self.config, self.root = config, Path(config.out) / "ablation"
        self.runs = [(name, config.seed + number) for number in range(seeds)
                     for name in (ALL, *dict.fromkeys(losses))]

    @property
    def record(self) -> Path:
        """A JSON line for each run that ended."""
        return self.root / "record.jsonl"

    def run(self) -> str:
        """Train what is not in the record yet; returns the table, as markdown."""
        self.root.mkdir(parents=True, exist_ok=True)
        words, lines = self.config.read_words(), self._read()
        for name, seed in self.runs:
            if any((line["without"], line["seed"]) == (name, seed) for line in lines):
                continue
            tqdm.write(f"{self._title(name)}, seed {seed}", file=sys.stderr)
            trainer = Trainer(self._config(name, seed), words, self.root / "cache")
            lines.append(self._measure(trainer, name, seed))
            if trainer.accelerator.is_main_process:
                self._write(lines)
        return self.table(lines)

    def _config(self, name: str, seed: int) -> TrainConfig:
        weights = {loss: weight for loss, weight in self.config.weights.items()
                   if loss not in name.split("+")}
        folder = self.root / f"{self._title(name).replace(', ', '-').replace(' ', '-')}-{seed}"
        return dataclasses.replace(self.config, weights=weights, seed=seed, out=str(folder))

    def _measure(self, trainer: Trainer, name: str, seed: int) -> dict[str, Any]:
        line = {"without": name, "seed": seed, "steps": self.config.steps,
                "settings": self._settings(), "llm": trainer.words.llm}
        try:
            trainer.train()
        except CodebookCollapse as error:
            return line | {"collapsed": str(error), "steps": trainer.step}
        trainer.accelerator.wait_for_everyone()  # the main one evaluates last
        rows = read_log(trainer.folder.log_file)
        found, last = rows[-1], [row for row in rows if row["kind"] == "train"][-1]
        found |= {key: last[key] for key in ("use1", "entropy1")}  # over the last steps' crops
        line |= {"codec": checkpoint.load(trainer.out).fingerprint, "chance": {"few_shot": 0.5}}
        return line | {"evaluation": {k: v for k, v in found.items()
                                      if k not in ("kind", "step", "time")}}

    def _settings(self) -> dict[str, Any]:
        """The recipe, but for what differs between runs."""
        values = json.loads(json.dumps(dataclasses.asdict(self.config)))
        return {key: value for key, value in values.items() if key not in ("out", "seed")}

    def _read(self) -> list[dict[str, Any]]:
        lines = read_log(self.record) if self.record.exists() else []
        for line in lines:
            if line["settings"] != self._settings():
                raise ValueError(f"{self.record} is of other settings; give another --out")
        return lines

    def _write(self, lines: Sequence[dict[str, Any]]) -> None:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        atomic.write_bytes(self.record, text.encode())
        atomic.write_bytes(self.root / "table.md", self.table(lines).encode())

    def table(self, lines: Sequence[dict[str, Any]]) -> str:
        """Means over seeds, and half the range between them, on clips held out."""
        measured = [line["evaluation"] for line in lines if "evaluation" in line]
        columns = [name for name in COLUMNS if any(name in found for found in measured)]
        head = ["run", "seeds", *(COLUMNS[name][0] for name in columns)]
        rows = [head, ["---"] * len(head)]
        for name in dict.fromkeys(line["without"] for line in lines):
            mine = [line for line in lines if line["without"] == name]
            found = [line["evaluation"] for line in mine if "evaluation" in line]
            cells = [_cell([row[column] for row in found if column in row], column)
                     for column in columns]
            gone = len(mine) - len(found)
            title = self._title(name) + (f" ({gone} collapsed)" if gone else "")
            rows.append([title, str(len(mine)), *cells])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"

    @staticmethod
    def _title(name: str) -> str:
        return name if name == ALL else f"without {name.replace('+', ', ')}"


def _cell(values: Sequence[float], column: str) -> str:
    if not values:
        return "–"
    _, factor, digits = COLUMNS[column]
    scaled = factor * np.array(values)
    spread = f" ± {np.ptp(scaled) / 2:.{digits}f}" if len(scaled) > 1 else ""
    return f"{scaled.mean():.{digits}f}{spread}"
