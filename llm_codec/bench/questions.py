"""Questions of two labels and one example each, which a nearest class mean answers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from llm_codec.bench import bootstrap
from llm_codec.bench.labelled import Source
from llm_codec.bench.summary import DIGITS
from llm_codec.bench.worker import Line
from llm_codec.nearest import NearestMean, standardise

CHANCE = 0.5
Answers = Mapping[str, np.ndarray]  # source -> a value for each question


class Question(NamedTuple):
    """Three different clips: what is asked about, an example of its label, one of another."""

    query: int
    right: int
    wrong: int


def draw(labels: Sequence[str], count: int, seed: int) -> list[Question]:
    """Seeded questions, balanced: every label is asked for equally often, in whole rounds.

    No clip is asked about twice before all of its label were; examples are by any speaker.

    Args:
        labels: of the clips; two or more, two of them with two clips or more.
        count: of questions.
        seed: of the draw.
    """
    rng = random.Random(seed)
    names = sorted(set(labels))
    clips = {name: [n for n, label in enumerate(labels) if label == name] for name in names}
    questions = []
    for query in _queries(rng, {name: few for name, few in clips.items() if len(few) > 1}, count):
        right = rng.choice([clip for clip in clips[labels[query]] if clip != query])
        other = rng.choice([name for name in names if name != labels[query]])
        questions.append(Question(query, right, rng.choice(clips[other])))
    return questions


def _queries(rng: random.Random, clips: Mapping[str, list[int]], count: int) -> Iterator[int]:
    waiting: dict[str, list[int]] = {name: [] for name in clips}
    turns: list[str] = []
    for _ in range(count):
        turns = turns or rng.sample([*clips], len(clips))
        name = turns.pop()
        waiting[name] = waiting[name] or rng.sample(clips[name], len(clips[name]))
        yield waiting[name].pop()


class Quiz:
    """The same questions on some sources for whatever is to answer them.

    Args:
        sources: to ask about.
        count: questions on each.
        seed: of the questions and of the bootstrap.
    """

    def __init__(self, sources: Sequence[Source], count: int, seed: int) -> None:
        self.sources, self.seed = sources, seed
        self.questions = {source.name: draw(source.labels, count, seed) for source in sources}

    def answer(self, features: Mapping[str, Sequence[np.ndarray]]) -> dict[str, np.ndarray]:
        """Whether the nearer of both examples, by cosine, is of the right label.

        Args:
            features: (N, D) of each clip, by source; they are standardised over its clips.

        Returns:
            float64 (count,) by source: 1 right, 0 wrong.
        """
        right = {}
        for source in self.sources:
            vectors = standardise(dict(enumerate(features[source.name])))
            right[source.name] = np.array([
                _name(vectors, source.labels, question) == source.labels[question.query]
                for question in self.questions[source.name]
            ], np.float64)
        return right

    def score(self, right: Answers, reference: Answers | None = None) -> Line:
        """Share of right answers on each source, and their mean, with intervals over clips.

        Args:
            right: what `answer` gave.
            reference: the same of something else; differences to it are paired, by question.

        Returns:
            JSON values: ``sources``, by name, and ``mean``, where each has the same weight.
        """
        asked = [*self.questions.values()]
        sizes = [(len(one), len({question.query for question in one})) for one in asked]
        sizes.append(tuple(map(sum, zip(*sizes, strict=True))))
        lines = [
            {"accuracy": mean, "n": n, "clips": clips, "chance": CHANCE, "interval_95": ends}
            for (mean, ends), (n, clips) in zip(self._means(right), sizes, strict=True)
        ]
        if reference is not None:
            less = self._means({name: right[name] - reference[name] for name in right})
            for line, (mean, ends) in zip(lines, less, strict=True):
                line["less_reference"] = {"mean": mean, "interval_95": ends}
        *each, mean = lines
        return {"sources": dict(zip(self.questions, each, strict=True)), "mean": mean}

    def _means(self, values: Answers) -> list[tuple[float, list[float] | None]]:
        """Mean and interval of values of each source, and of all; clips asked about are drawn."""
        means, draws = [], []
        for place, (name, asked) in enumerate(self.questions.items()):
            _, clips = np.unique([question.query for question in asked], return_inverse=True)
            figure = bootstrap.ratio(np.bincount(clips, values[name]), np.bincount(clips))
            seed = self.seed + place  # one of its own, so that sources do not vary together
            means.append(values[name].mean())
            draws.append(bootstrap.over_clips(figure, clips.max() + 1, seed))
        pairs = zip([*means, np.mean(means)], [*draws, np.mean(draws, axis=0)], strict=True)
        return [(round(float(mean), DIGITS), bootstrap.interval(drawn)) for mean, drawn in pairs]


def _name(vectors: Mapping[int, np.ndarray], labels: Sequence[str], question: Question) -> str:
    examples = question[1:]
    model = NearestMean().fit([vectors[clip] for clip in examples],
                              [labels[clip] for clip in examples])
    return model.predict(vectors[question.query])
