"""Questions of classification tasks: which of a few shown labels is this clip?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from icl.baseline import mfcc
from icl.episode import Episode, sample_episodes, unseen
from icl.evaluation.models import Models, digest, settings_of
from icl.evaluation.row import Row
from icl.pair import content
from icl.scp import oddities, read_scp
from icl.tasks.base import ClassificationTask, Clip
from llm_codec.audio import AudioError
from llm_codec.nearest import STEPS, NearestMean, standardise, stretch

DIGITS = 6  # of a probability; beyond, it depends on what the model's cache held before
Question = tuple[int, Episode]  # seed, episode


class Classification:
    """Answers the questions of one row, and has the references answer them too.

    Args:
        row: what to run.
        task: the row's task.
        models: codec and language model.
        root: data folder.

    Attributes:
        questions: what is asked, in order.
    """

    def __init__(self, row: Row, task: ClassificationTask, models: Models, root: Path) -> None:
        self.row = row
        self.models = models
        self.learner = models.classifier(row)
        self.questions = _from_file(row, root) if row.episodes else _drawn(row, task, root)
        self._references: dict[str, dict[Clip, np.ndarray]] = {}
        self._contents: dict[Clip, Any] = {}
        self._unusable: dict[Clip, str] = {}

    def describe(self) -> dict[str, Any]:
        """What answers follow from, beside row and models: settings and the clips drawn."""
        facts = {clip: _facts(clip) for clip in self._clips()}
        described = {
            "settings": settings_of(self.learner, self.models.names),
            "label_temperature": self.models.llm.label_temperature,
            "drawn": digest([[seed, *map(facts.get, (*e.support, e.query))]
                             for seed, e in self.questions]),
            "clips": len(facts),
        }
        if self.row.episodes:
            described["oddities"] = oddities([episode for _, episode in self.questions])
        return described

    def prepare(self, progress: bool = False) -> None:
        """Encode and measure every clip once; those that cannot be heard are remembered."""
        rate = self.models.codec.config.sample_rate
        cepstra, words = {}, {}
        for clip in tqdm(self._clips(), disable=not progress, unit="clip", leave=False):
            try:
                wave = clip.load(rate)
                heard = self.models.hear(clip, wave, self.learner.views)
            except AudioError as error:
                self._unusable[clip] = str(error)
                continue
            self._contents[clip] = content(heard[0])
            cepstra[clip] = mfcc(wave, rate)
            points = [stretch(self.models.word_vectors(codes), STEPS) for codes in heard]
            words[clip] = np.mean(points, axis=0)  # of all that the language model reads
        known = {"mfcc_nearest_mean": cepstra, "words_nearest_mean": words}
        self._references = {name: standardise(points) for name, points in known.items() if points}

    def answer(self, question: Question) -> dict[str, Any]:
        """One item of the record."""
        seed, episode = question
        asked = {
            "seed": seed,
            "query": _tag(episode.query),
            "support": [_tag(clip) for clip in episode.support],
            "gold": episode.query.label,
        }
        if flaw := self._flaw(episode):
            return {**asked, "left_out": flaw}
        with self.models.metered() as spent:
            predicted, probabilities = self._ask(episode)
        return {
            **asked,
            "predicted": predicted,
            "probabilities": probabilities,
            "references": self._refer(episode),
            "other_orders": self._reorder(episode),
            **spent,
        }

    def _flaw(self, episode: Episode) -> str:
        """Why a question cannot be asked; empty if it can.

        A sound that is in the data under two names must not stand twice among the examples, nor
        among them and in the question.
        """
        if len({*episode.support}) < len(episode.support):
            return "an example is shown twice"
        known: dict[Any, Clip] = {}
        for clip in (*episode.support, episode.query):
            if clip in self._unusable:
                return self._unusable[clip]
            first = known.setdefault(self._contents[clip], clip)
            if first != clip:
                return f"{first.path} and {clip.path} are the same sound"
        return ""

    def _ask(self, episode: Episode) -> tuple[str, dict[str, float]]:
        *support, query = (self.models.heard(clip, self.learner.views)
                           for clip in (*episode.support, episode.query))
        self.learner.fit(support, [clip.label for clip in episode.support])
        row = self.learner.predict_proba([query])[0]
        names = self.learner.classes_.tolist()
        probabilities = {
            name: round(float(share), DIGITS) for name, share in zip(names, row, strict=True)
        }
        return names[int(row.argmax())], probabilities

    def _reorder(self, episode: Episode) -> list[str]:
        """Answers with other orders of the same examples; a temperature would not change them."""
        first, temperature = self.learner.seed, self.learner.temperature
        answers = []
        for turn in range(1, self.row.orders + 1):
            self.learner.set_params(seed=first + turn, temperature=1.0)
            answers.append(self._ask(episode)[0])
        self.learner.set_params(seed=first, temperature=temperature)
        return answers

    def _refer(self, episode: Episode) -> dict[str, str]:
        labels = [clip.label for clip in episode.support]
        return {
            name: NearestMean()
            .fit([features[clip] for clip in episode.support], labels)
            .predict(features[episode.query])
            for name, features in self._references.items()
        }

    def _clips(self) -> list[Clip]:
        """All clips drawn, each once, in the order of their first use."""
        drawn = (clip for _, e in self.questions for clip in (*e.support, e.query))
        return [*dict.fromkeys(drawn)]


def _drawn(row: Row, task: ClassificationTask, root: Path) -> list[Question]:
    clips = task.load(root, row.split)
    if row.labels == "unseen":
        clips = unseen(clips, task.load(root, "train"))
    if row.seconds:
        clips = [dataclasses.replace(clip, exactly=row.seconds) for clip in clips]
    return [
        (seed, episode)
        for seed in range(row.seeds)
        for episode in sample_episodes(clips, row.ways, row.shots, row.limit, seed, row.speakers)
    ]


def _from_file(row: Row, root: Path) -> list[Question]:
    return [(0, episode) for episode in read_scp(row.episodes, root)[: row.limit or None]]


def _facts(clip: Clip) -> list[Any]:
    """What tells a clip from another of its name: its size in bytes, if it is a file."""
    return [_tag(clip), clip.path.stat().st_size if clip.path.is_file() else 0]


def _tag(clip: Clip) -> str:
    """Names a clip in a record; files of different labels may share a name."""
    return f"{clip.label}/{clip.path.name}"
