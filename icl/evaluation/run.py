"""Run a learner over the episodes of a task, next to its references, into one record."""

from __future__ import annotations

import importlib.metadata
import platform
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from icl.baseline import NearestMean, mfcc, uniform_guess
from icl.episode import Episode, sample_episodes
from icl.learner import FewShotClassifier
from icl.record import Record, Score
from icl.tasks.base import Clip, Task, data_root
from llm_codec.codes import Codes

LIBRARIES = ("torch", "transformers", "numpy", "soundfile", "soxr")
REFERENCES = ("mfcc_nearest_mean", "uniform")  # keys of an item, next to "predicted"


def evaluate(
    task: Task,
    learner: FewShotClassifier,
    ways: int = 2,
    shots: int = 1,
    episodes: int = 500,
    seed: int = 0,
    split: str = "dev",
    root: str | Path | None = None,
    speakers: str = "any",
    progress: bool = False,
    command: str = "",
) -> Record:
    """Accuracy over seeded episodes, with two references on the very same ones.

    Args:
        task: what to ask.
        learner: fitted anew for every episode; its models are loaded once.
        ways, shots, episodes, seed, speakers: see `sample_episodes`.
        split: of the task.
        root: data folder; None looks where `data_root` does.
        progress: show a bar on stderr.
        command: what the user typed, for the record.

    Raises:
        DataError: the data is missing or too small.
        PromptError: an episode does not fit the language model.
    """
    started = time.perf_counter()
    clips = task.load(data_root(root), split)
    drawn = sample_episodes(clips, ways, shots, episodes, seed, speakers)
    bench = _Bench(learner, seed)
    items = [bench.run(episode) for episode in tqdm(drawn, disable=not progress, unit="episode")]
    llm = learner.llm_
    asked = [episode.query.path for episode in drawn]
    return Record(
        task=task.name,
        task_version=task.version,
        split=split,
        ways=ways,
        shots=shots,
        speakers=speakers,
        seed=seed,
        score=_score(items, asked, "predicted"),
        chance=1 / ways,
        references={name: _score(items, asked, name) for name in REFERENCES},
        settings=_settings(learner),
        fingerprints={
            "codec": learner.codec_.fingerprint,
            "vocabulary": learner.codec_.vocabulary.fingerprint,
            "llm": llm.fingerprint,
        },
        versions=_versions(),
        command=command,
        seconds=time.perf_counter() - started,
        tokens_run=llm.tokens_run - bench.tokens_run,
        tokens_saved=llm.tokens_saved - bench.tokens_saved,
        items=items,
    )


class _Bench:
    """Runs episodes; each clip is read, encoded and measured once, however often it is drawn.

    ``tokens_run`` and ``tokens_saved`` are the language model's counts before the first episode.
    """

    def __init__(self, learner: FewShotClassifier, seed: int) -> None:
        self.learner = learner
        llm = getattr(learner, "llm_", learner.llm)  # may be a name still, which has run nothing
        self.tokens_run = getattr(llm, "tokens_run", 0)
        self.tokens_saved = getattr(llm, "tokens_saved", 0)
        self._rng = random.Random(seed)
        self._known: dict[Path, tuple[Codes, np.ndarray]] = {}

    def run(self, episode: Episode) -> dict[str, Any]:
        """Predictions of all methods for one episode, as JSON values."""
        labels = [clip.label for clip in episode.support]
        codes, features = zip(*map(self._measure, episode.support), strict=True)
        query, feature = self._measure(episode.query)
        self.learner.fit(codes, labels)
        probabilities = self.learner.predict_proba([query])[0]
        return {
            "query": episode.query.path.name,
            "support": [clip.path.name for clip in episode.support],
            "gold": episode.query.label,
            "predicted": str(self.learner.classes_[probabilities.argmax()]),
            "probabilities": dict(zip(episode.labels, probabilities.tolist(), strict=True)),
            "mfcc_nearest_mean": NearestMean().fit(features, labels).predict(feature),
            "uniform": uniform_guess(episode.labels, self._rng),
        }

    def _measure(self, clip: Clip) -> tuple[Codes, np.ndarray]:
        if clip.path not in self._known:
            rate = self.learner.sample_rate or 16000
            wave = clip.load(rate)
            (codes,) = self.learner.encode([wave])
            self._known[clip.path] = codes, mfcc(wave, rate)
        return self._known[clip.path]


def _score(items: Sequence[dict[str, Any]], asked: Sequence[Path], method: str) -> Score:
    return Score.of([item[method] == item["gold"] for item in items], asked)


def _settings(learner: FewShotClassifier) -> dict[str, Any]:
    """The learner's arguments; objects that are no JSON values are named by their type."""
    return {name: _plain(value) for name, value in learner.get_params().items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value) if isinstance(value, Path) else getattr(value, "name", type(value).__name__)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        found[library] = importlib.metadata.version(library)
    return found
