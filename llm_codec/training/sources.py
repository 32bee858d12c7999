"""The clips of a run: those to train on, those held out, and noise."""

from __future__ import annotations

from pathlib import Path

from llm_codec.training.bank import ClipBank
from llm_codec.training.config import TrainConfig
from llm_codec.training.corpus import Corpus, Row, open_corpus
from llm_codec.training.data import Noise


class Sources:
    """Banks of a recipe's clips; no clip is in two parts, and no other clip is read.

    Args:
        config: the recipe.
        cache: folder for decoded audio.
        sample_rate: Hz.

    Attributes:
        train: clips of ``split`` without the speakers held out.
        held_out: clips of these speakers; without any, of ``evaluate_split``.
        noise: None if the recipe names none.

    Raises:
        ValueError: a part has no clips.
    """

    def __init__(self, config: TrainConfig, cache: Path, sample_rate: int) -> None:
        self._cache, self._rate = cache, sample_rate
        corpus = open_corpus(config.data, config.split, config.evaluate_split)
        rows, kept = corpus.part(config.split), set(config.held_out)
        used = [row for row in rows if row["speaker"] not in kept]
        self.train = self._bank(corpus, used)
        held_out = ([row for row in rows if row["speaker"] in kept] if kept
                    else corpus.part(config.evaluate_split))
        if kept and not held_out:
            raise ValueError(f"{corpus.name} has no clips by {', '.join(sorted(kept))}, whom the "
                             "recipe holds out (held_out); name speakers of yours, or none")
        self.held_out = self._bank(corpus, held_out)
        self.noise = self._noise(config, corpus, used) if config.noise else None

    def _bank(self, corpus: Corpus, rows: list[Row]) -> ClipBank:
        return ClipBank(corpus, rows, self._cache, self._rate)

    def _noise(self, config: TrainConfig, corpus: Corpus, used: list[Row]) -> Noise:
        if Path(config.noise).is_dir():
            corpus = open_corpus(config.noise, config.split, config.evaluate_split)
            rows = corpus.part(config.split)
        else:
            rows = [row for row in used if config.noise in (
                row.get("group"), row["source"], row["label"])]
        if not rows:
            raise ValueError(f"noise is {config.noise!r}, which is no folder and no group, source "
                             f"or label of the clips of {corpus.name} that are trained on")
        low, high = config.noise_snr
        return Noise(self._bank(corpus, rows), config.noise_share, (low, high))
