"""Whether words carry meaning: naming clips by the nearest of two examples, on scale-1 words."""

from __future__ import annotations

import numpy as np

from llm_codec.codec import LLMCodec
from llm_codec.nearest import STEPS, NearestMean, standardise, stretch
from llm_codec.training.bank import ClipBank
from llm_codec.training.stability import coarse_words, word_vectors

LABELS, CLIPS, QUESTIONS = 12, 5, 200  # a source; a label; all questions
SECONDS = 3.0  # that are heard of a clip


class FewShot:
    """2-way 1-shot questions on labelled clips, the same at every evaluation.

    Both labels of a question are of one source, so that what is said decides, not the recording.

    Args:
        bank: clips held out.
        seed: of the choice.
    """

    def __init__(self, bank: ClipBank, seed: int) -> None:
        rng = np.random.default_rng((seed, 1))
        by_source: dict[str, list[list[int]]] = {}
        for (source, _), numbers in sorted(bank.labelled().items()):
            few = rng.permutation(numbers)[:CLIPS].tolist()
            by_source.setdefault(source, []).append(few)
        self._sources = [[labels[n] for n in rng.permutation(len(labels))[:LABELS]]
                         for labels in by_source.values() if len(labels) > 1]
        self.questions = [self._draw(rng) for _ in range(QUESTIONS if self._sources else 0)]
        length = round(SECONDS * bank.sample_rate)
        asked = sorted({clip for question in self.questions for clip in question})
        self._waves = {clip: bank.clip(clip)[:length] for clip in asked}

    def _draw(self, rng: np.random.Generator) -> tuple[int, int, int]:
        """An example of the right label, one of another, and what is asked about."""
        labels = self._sources[rng.integers(len(self._sources))]
        right, wrong = rng.choice(len(labels), 2, replace=False)
        example, query = rng.choice(labels[right], 2, replace=False)
        return int(example), int(rng.choice(labels[wrong])), int(query)

    def score(self, codec: LLMCodec) -> dict[str, float]:
        """``few_shot``, the share named right, chance 0.5, and ``few_shot_n``; {} without labels.

        Nearest class mean by cosine on the vectors of the words, stretched to `STEPS` points.
        """
        if not self.questions:
            return {}
        words = coarse_words(codec, list(self._waves.values()))
        features = standardise({clip: stretch(word_vectors(codec, row), STEPS)
                                for clip, row in zip(self._waves, words, strict=True)})
        right = [
            NearestMean().fit([features[yes], features[no]], ["yes", "no"]).predict(features[query])
            == "yes" for yes, no, query in self.questions
        ]
        return {"few_shot": float(np.mean(right)), "few_shot_n": len(right)}
