"""Speech enhancement from a few noisy and clean pairs, mixed here or recorded."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from icl.evaluation.quality import pesq, stoi
from icl.tasks.base import Clip, DataError, clips_of
from icl.tasks.generation import GenerationTask, Grader, Question, Through, excerpt, loudest
from icl.tasks.manifest import Row, by_split, words

SECONDS = 1.2  # of every clip: five pairs of all scales fit a context of 2 048 tokens
SNRS = tuple(range(-20, 21, 5))  # dB; arXiv 2406.10056, appendix D.2, mixes from -20 to 20
LOUDEST = 0.9  # peak of a mixture
SPEECH = ("librispeech", "voicebank-demand")
NOISES = ("booth-sounds", "blanket", "opensfx")


class Cleaning(GenerationTask):
    """Noisy to clean, judged by how near the answer is to the clean clip."""

    learner = "enhance"
    ways, shots = 1, 4

    def grader(
        self, root: Path, split: str, questions: list[Question], through: Through
    ) -> Grader:
        """Intelligibility and quality; see `QualityGrader`."""
        return QualityGrader(through)


class Enhancement(Cleaning):
    """The published protocol: pairs of one utterance in other noises, then a further noise.

    The wanted clean clip is thus among the examples, and repeating its words gives the codec's
    own ceiling, which the grader measures beside the answer.
    """

    name = "enhancement"
    version = 2  # 1 filled short noises up with silence
    description = (
        f"noisy to clean: one utterance of {SECONDS} s in four noises, then in a fifth, at "
        f"{SNRS[0]} to {SNRS[-1]} dB; speech of librispeech and voicebank-demand, noise of "
        "booth-sounds, blanket and opensfx"
    )
    licence = "CC BY 4.0; MIT, CC0, CC BY 3.0, public domain"

    def draw(
        self, root: Path, split: str, ways: int, shots: int, limit: int, seed: int
    ) -> list[Question]:
        """Utterances and noises drawn anew for each question; signal-to-noise ratios in turn."""
        _require_one_way(ways, self.name)
        speech = _of_split(root, split, lambda row: row["source"] in SPEECH and _clean(row))
        noises = _of_split(root, split, lambda row: row["source"] in NOISES)
        labels = sorted({clip.label for clip in noises})
        if len(labels) <= shots:
            raise DataError(
                f"{len(labels)} kinds of noise cannot give {shots} pairs and a question"
            )
        rng = random.Random(seed)
        return [
            self._mix(speech, noises, rng, labels, shots, SNRS[number % len(SNRS)])
            for number in range(limit)
        ]

    def _mix(
        self,
        speech: list[Clip],
        noises: list[Clip],
        rng: random.Random,
        labels: list[str],
        shots: int,
        snr: float,
    ) -> Question:
        spoken = rng.choice(speech)
        chosen = [
            rng.choice([clip for clip in noises if clip.label == label])
            for label in rng.sample(labels, shots + 1)
        ]
        clean = excerpt(spoken.load(), SECONDS)
        *shown, asked = (mix(clean, noise.load(), snr) for noise in chosen)
        return Question(
            f"{spoken.path.name} in {chosen[-1].path.name} at {snr} dB",
            tuple(f"{spoken.path.name} in {noise.path.name}" for noise in chosen[:-1]),
            tuple(shown),
            (clean,) * shots,
            asked,
            clean=clean,
            groups=("SNR <= 0 dB" if snr <= 0 else "SNR > 0 dB", f"{snr} dB"),
            cluster=spoken.path.name,
        )


class RecordedPairs(Cleaning):
    """Harder than the published protocol: the utterance asked about is not among the examples."""

    name = "enhancement-pairs"
    version = 1
    description = (
        f"noisy to clean, {SECONDS} s of recorded pairs of voicebank-demand: other utterances of "
        "the same speaker are shown"
    )
    licence = "CC BY 4.0"

    def draw(
        self, root: Path, split: str, ways: int, shots: int, limit: int, seed: int
    ) -> list[Question]:
        """Every pair is asked about before one is again."""
        _require_one_way(ways, self.name)
        pairs = _pairs(root, split)
        if len(pairs) <= shots:
            raise DataError(f"{len(pairs)} pairs cannot give {shots} examples and a question")
        rng = random.Random(seed)
        rounds = -(-limit // len(pairs))
        asked = [pair for _ in range(rounds) for pair in rng.sample(pairs, len(pairs))]
        return [self._question(pair, pairs, shots, rng) for pair in asked[:limit]]

    def _question(
        self, asked: tuple[Clip, Clip], pairs: list, shots: int, rng: random.Random
    ) -> Question:
        shown = rng.sample([pair for pair in pairs if pair is not asked], shots)
        cut = [_cut(*pair) for pair in (*shown, asked)]
        return Question(
            asked[0].path.name,
            tuple(noisy.path.name for noisy, _ in shown),
            tuple(noisy for noisy, _ in cut[:-1]),
            tuple(clean for _, clean in cut[:-1]),
            cut[-1][0],
            clean=cut[-1][1],
        )


class QualityGrader(Grader):
    """STOI and wide-band PESQ of the answer, of the noisy clip, and of the codec's own ceiling.

    Args:
        through: the codec: the clean clip encoded and decoded is the best it could give back.
    """

    def __init__(self, through: Through) -> None:
        self._through = through
        self.about = {"measures": "STOI (Taal et al. 2011), PESQ (ITU-T P.862.2) against clean"}

    def grade(self, wave: np.ndarray, question: Question) -> dict[str, Any]:
        """Both measures of the three clips, and what the answer gains over the noisy one."""
        clean = question.clean
        clips = {"": wave, "_noisy": question.query, "_ceiling": self._through(clean)}
        measures = {"stoi": stoi, "pesq": pesq}
        metrics = {
            name + what: measure(clean, clip)
            for name, measure in measures.items()
            for what, clip in clips.items()
        }
        gains = {f"{name}_gain": metrics[name] - metrics[f"{name}_noisy"] for name in measures}
        return {"metrics": {**metrics, **gains}}


def mix(clean: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """Speech in noise, no louder than `LOUDEST`.

    Args:
        clean: float32 (S,).
        noise: float (N,); repeated where it is shorter.
        snr: power of speech over power of noise, dB.

    Returns:
        float32 (S,).
    """
    noise = excerpt(np.resize(noise, max(len(noise), len(clean))), SECONDS)[: len(clean)]
    power = np.mean(np.square(clean)) / max(np.mean(np.square(noise)), 1e-12)
    mixture = clean + noise * np.sqrt(power / 10 ** (snr / 10))
    return (mixture * min(1.0, LOUDEST / max(np.abs(mixture).max(), 1e-12))).astype(np.float32)


def _clean(row: Row) -> bool:
    return row["label"] in ("", "clean")


def _of_split(root: Path, split: str, keep: Any) -> list[Clip]:
    splits = by_split(root, keep, label=lambda row: words(row) or "speech")
    return clips_of(splits, split, "enhancement", root)


def _pairs(root: Path, split: str) -> list[tuple[Clip, Clip]]:
    """Noisy and clean clips that belong together: ``NAME_noisy`` and ``NAME_clean``."""
    clips = _of_split(root, split, lambda row: row["label_kind"] == "noisy_clean_pair")
    by_stem = {clip.path.stem: clip for clip in clips}
    return [
        (noisy, by_stem[stem.removesuffix("noisy") + "clean"])
        for stem, noisy in by_stem.items()
        if stem.endswith("noisy") and stem.removesuffix("noisy") + "clean" in by_stem
    ]


def _cut(noisy: Clip, clean: Clip) -> tuple[np.ndarray, np.ndarray]:
    """The same stretch of both: the one in which the clean clip is loudest."""
    size, waves = round(SECONDS * 16000), (noisy.load(), clean.load())
    start = loudest(waves[1], size)
    return waves[0][start : start + size], waves[1][start : start + size]


def _require_one_way(ways: int, name: str) -> None:
    if ways != 1:
        raise DataError(f"ways is {ways}; {name} has no labels, so it is 1")


TASK = Enhancement()
PAIRS = RecordedPairs()
