"""Digit speech in the published protocol: hear digits 0 to 3, then say the answer to a question."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from icl.judge import Judge
from icl.spoken import WORDS, spoken
from icl.tasks.base import Clip, DataError
from icl.tasks.fsdd import DIGITS
from icl.tasks.fsdd import TASK as FSDD
from icl.tasks.generation import GenerationTask, Grader, Question, Through

# Question, its answer, its kind: five for each digit, as arXiv 2406.10056, appendix C.2, asks:
# arithmetic, roots, positions of digits and sequences. Its own twenty questions are not printed.
QUESTIONS = (
    ("0", "0", "named"), ("1", "1", "named"), ("2", "2", "named"), ("3", "3", "named"),
    ("2 - 2", "0", "arithmetic"), ("0 + 0", "0", "arithmetic"), ("0 * 3", "0", "arithmetic"),
    ("0 + 1", "1", "arithmetic"), ("3 - 2", "1", "arithmetic"), ("1 + 1", "2", "arithmetic"),
    ("3 - 1", "2", "arithmetic"), ("2 * 1", "2", "arithmetic"), ("1 * 3", "3", "arithmetic"),
    ("2 + 1", "3", "arithmetic"), ("square root of 1", "1", "root"),
    ("square root of 4", "2", "root"), ("last digit of 10", "0", "position"),
    ("first digit of 12", "1", "position"), ("next after 0 1 2", "3", "sequence"),
    ("next after 5 4", "3", "sequence"),
)  # fmt: skip


class DigitSpeech(GenerationTask):
    """Twenty questions about four digits of one speaker, five clips each.

    Args:
        name: of the task.
        spelled: whether digits and signs are written as words: ``one plus one``.
    """

    version = 1
    licence = FSDD.licence
    learner = "speak"
    ways, shots = 4, 5

    def __init__(self, name: str, spelled: bool) -> None:
        self.name = name
        self.spelled = spelled
        example = spoken("1 + 1") if spelled else "1 + 1"
        self.description = f"say a digit, asked as {example!r}, after digits 0 to 3; data of fsdd"

    def draw(
        self, root: Path, split: str, ways: int, shots: int, limit: int, seed: int
    ) -> list[Question]:
        """The questions, all with the same examples: ``shots`` clips of the first ``ways`` digits.

        Every seed draws another speaker and other clips, as far as there are. Questions with one
        answer and the same examples may get the same sound, so they count together.
        """
        if not 2 <= ways <= 4:
            raise DataError(f"ways is {ways}; {self.name} shows the digits 0 to 1, 2 or 3: 2 to 4")
        rng = random.Random(seed)
        examples = _examples(FSDD.load(root, split), WORDS[:ways], shots, rng)
        rng.shuffle(examples)
        support = tuple(clip.path.name for clip in examples)
        sources = tuple(self._text(DIGITS[WORDS.index(clip.label)]) for clip in examples)
        targets = tuple(clip.load() for clip in examples)
        return [
            Question(
                text, support, sources, targets, text, gold, WORDS[:ways], groups=(kind,),
                speaker=examples[0].speaker, cluster=f"{gold} after examples {seed}",
            )
            for text, gold, kind in self._questions(ways)[:limit]
        ]  # fmt: skip

    def grader(
        self, root: Path, split: str, questions: list[Question], through: Through
    ) -> Grader:
        """A judge trained on split ``train``; see `DigitGrader`."""
        speakers = {question.speaker for question in questions}
        return DigitGrader(FSDD.load(root, "train"), FSDD.load(root, split), speakers, through)

    def _questions(self, ways: int) -> list[tuple[str, str, str]]:
        asked = [(text, WORDS[int(answer)], kind) for text, answer, kind in QUESTIONS]
        shown = [row for row in asked if row[1] in WORDS[:ways]]
        return [(self._text(text), gold, kind) for text, gold, kind in shown]

    def _text(self, text: str) -> str:
        return spoken(text) if self.spelled else text


class DigitGrader(Grader):
    """Names the digit that is heard, out of all ten; a judge for each speaker who is imitated.

    Args:
        train: labelled clips to learn from.
        check: clips of the speakers who are imitated. Their labels serve only to say how far the
            judge can be trusted.
        speakers: who is imitated.
        through: the codec, for the same clips encoded and decoded: what a perfect answer would get.
    """

    def __init__(
        self, train: list[Clip], check: list[Clip], speakers: set[str], through: Through
    ) -> None:
        judge = Judge().fit([clip.load() for clip in train], *_names(train))
        self.about = {
            "judge": "regression on MFCCs, trained on split train of fsdd and adapted to each "
            "speaker by his clips without their labels, as they are and through the codec"
        }
        self._judges: dict[str, Judge] = {}
        for speaker in sorted(speakers):
            own = [clip for clip in check if clip.speaker == speaker]
            waves, (labels, _) = [clip.load() for clip in own], _names(own)
            coded = [through(wave) for wave in waves]
            adapted = self._judges[speaker] = judge.adapt(waves + coded)
            self.about[f"accuracy_on_real_clips_of_{speaker}"] = adapted.accuracy(waves, labels)
            self.about[f"accuracy_on_clips_of_{speaker}_through_codec"] = adapted.accuracy(
                coded, labels
            )

    def grade(self, wave: np.ndarray, question: Question) -> dict[str, Any]:
        """``predicted`` is the digit that the judge hears."""
        (heard,) = self._judges[question.speaker].predict([wave])
        return {"predicted": heard, "gold": question.gold, "choices": [*question.choices]}


def _names(clips: list[Clip]) -> tuple[list[str], list[str]]:
    """Labels and speakers."""
    return [clip.label for clip in clips], [clip.speaker for clip in clips]


def _examples(
    clips: list[Clip], labels: tuple[str, ...], shots: int, rng: random.Random
) -> list[Clip]:
    """``shots`` clips of each label by one speaker."""
    speakers = sorted({clip.speaker for clip in clips})
    speaker = rng.choice(speakers)
    chosen = []
    for label in labels:
        fitting = [c for c in clips if c.label == label and c.speaker == speaker]
        if len(fitting) < shots:
            raise DataError(
                f"speaker {speaker} has {len(fitting)} clips of {label!r}; {shots} are to be shown"
            )
        chosen += rng.sample(fitting, shots)
    return chosen


TASK = DigitSpeech("digit-speech", spelled=False)
SPELLED = DigitSpeech("digit-speech-words", spelled=True)
