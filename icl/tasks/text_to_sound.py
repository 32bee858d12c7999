"""Text to sound: hear a few classes by name, then make the sound of a name."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from icl.baseline import mfcc
from icl.evaluation.score import Score
from icl.tasks import manifest
from icl.tasks.base import Clip, DataError
from icl.tasks.generation import GenerationTask, Grader, Question, Through, excerpt
from llm_codec.nearest import NearestMean, standardise

SOUNDS = manifest.TASKS["booth-sounds"]
SECONDS = 1.0  # of every clip: all examples last the same, as in arXiv 2406.10056, appendix C.2


class TextToSound(GenerationTask):
    """Asks for each shown class once, so a draw has as many questions as classes."""

    name = "text-to-sound"
    version = 1
    description = f"make a sound that was shown by name; data of {SOUNDS.name}, cut to {SECONDS} s"
    licence = SOUNDS.licence
    learner = "speak"
    ways, shots = 3, 2

    def draw(
        self, root: Path, split: str, ways: int, shots: int, limit: int, seed: int
    ) -> list[Question]:
        """Questions in draws of ``ways``: each draw shows other classes and clips."""
        clips = SOUNDS.load(root, split)
        rng = random.Random(seed)
        draws = -(-limit // ways)
        return [q for _ in range(draws) for q in self._round(clips, ways, shots, rng)][:limit]

    def _round(
        self, clips: list[Clip], ways: int, shots: int, rng: random.Random
    ) -> list[Question]:
        names = sorted({clip.label for clip in clips})
        by_label = {name: [clip for clip in clips if clip.label == name] for name in names}
        fitting = [name for name, found in by_label.items() if len(found) > shots]
        if len(fitting) < ways or ways < 2:
            raise DataError(
                f"ways is {ways} and shots {shots}, but {len(fitting)} labels have more than "
                f"{shots} clips (one is kept for the judge); 2 to {len(fitting)} ways can be drawn"
            )
        labels = tuple(sorted(rng.sample(fitting, ways)))
        shown = [clip for label in labels for clip in rng.sample(by_label[label], shots)]
        rng.shuffle(shown)
        support = tuple(clip.path.name for clip in shown)
        sources = tuple(clip.label for clip in shown)
        targets = tuple(excerpt(clip.load(), SECONDS) for clip in shown)
        return [
            Question(label, support, sources, targets, label, label, labels) for label in labels
        ]

    def grader(
        self, root: Path, split: str, questions: list[Question], through: Through
    ) -> Grader:
        """A judge for every draw; see `SoundGrader`."""
        return SoundGrader(SOUNDS.load(root, split), questions, through)


class SoundGrader(Grader):
    """For every draw a judge that knows the other clips of the shown classes.

    Args:
        clips: of all classes.
        questions: those to be judged.
        through: the codec, for the shown clips encoded and decoded.
    """

    def __init__(self, clips: list[Clip], questions: list[Question], through: Through) -> None:
        self._clips = {clip.path.name: (excerpt(clip.load(), SECONDS), clip) for clip in clips}
        right, decoded = [], []
        for question in {question.support: question for question in questions}.values():
            shown = [*zip(question.targets, question.sources, strict=True)]
            right += [self._name(wave, question) == label for wave, label in shown]
            decoded += [self._name(through(wave), question) == label for wave, label in shown]
        self.about = {
            "judge": "nearest class mean on MFCCs of the clips of the shown classes that are not "
            "shown, checked on those that are",
            "accuracy_on_shown_clips": Score.of(right, range(len(right))).to_dict(),
            "accuracy_on_shown_clips_through_codec": Score.of(
                decoded, range(len(decoded))
            ).to_dict(),
        }

    def grade(self, wave: np.ndarray, question: Question) -> dict[str, Any]:
        """``predicted`` is the shown class that the judge hears."""
        heard = self._name(wave, question)
        return {"predicted": heard, "gold": question.gold, "choices": [*question.choices]}

    def _name(self, wave: np.ndarray, question: Question) -> str:
        known = {
            name: (mfcc(clip_wave), clip.label)
            for name, (clip_wave, clip) in self._clips.items()
            if clip.label in question.choices and name not in question.support
        }
        cepstra = {name: rows for name, (rows, _) in known.items()}
        features = standardise({**cepstra, "": mfcc(wave)})
        asked = features.pop("")
        labels = [label for _, label in known.values()]
        return NearestMean().fit([*features.values()], labels).predict(asked)


TASK = TextToSound()
