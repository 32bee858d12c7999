"""What a codec can do so far, on clips that it never trains on."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, zip_longest
from typing import Any, NamedTuple

import numpy as np
import torch

from llm_codec.bench.clips import KINDS, UNKNOWN
from llm_codec.bench.metrics import SPEECH, Undefined
from llm_codec.codec import LLMCodec
from llm_codec.training.bank import ClipBank
from llm_codec.training.few_shot import FewShot
from llm_codec.training.losses import ReconstructionLoss
from llm_codec.training.stability import words_kept

LONGEST = 6.0  # seconds that are heard of a clip
SPOKEN = 16  # clips of speech that PESQ and STOI are measured on: both are slow


class Decoded(NamedTuple):
    """A clip and what the codec made of it, float32 (S,)."""

    original: np.ndarray
    decoded: np.ndarray


class Evaluation:
    """Clips that are the same at every evaluation of a run.

    Args:
        bank: clips held out.
        count: how many are heard, sources taken in turn.
        seed: of the choice.
    """

    def __init__(self, bank: ClipBank, count: int, seed: int) -> None:
        rng = np.random.default_rng((seed, 0))
        groups = defaultdict(list)
        for number in rng.permutation(len(bank.rows)).tolist():
            groups[bank.rows[number]["source"]].append(number)
        in_turn = chain.from_iterable(zip_longest(*groups.values()))
        numbers = [number for number in in_turn if number is not None][:count]
        length = round(LONGEST * bank.sample_rate)
        self.waves = [bank.clip(number)[:length] for number in numbers]
        self.spoken = [_kind(bank.rows[number]) in SPEECH for number in numbers]
        self.few_shot, self.seed = FewShot(bank, seed), seed
        self.distance = ReconstructionLoss(bank.sample_rate)

    @torch.inference_mode()
    def run(self, codec: LLMCodec) -> tuple[dict[str, Any], list[Decoded]]:
        """Figures, and what was decoded, clip by clip.

        Returns:
            means over clips of ``mel`` and ``stft`` (`ReconstructionLoss`) and, if their packages
            are there, of ``stoi`` and ``pesq_wb``; what `words_kept` and `FewShot` give;
            ``clips``, how many. Use of the codebooks, which takes more clips, is the guard's.
        """
        coded = codec.encode(self.waves)
        pairs = [Decoded(wave, codec.decode(codes)[0, 0].numpy())
                 for wave, codes in zip(self.waves, coded, strict=True)]
        found = self._distances(pairs) | self._heard(pairs)
        found |= words_kept(codec, self.waves, self.seed) | self.few_shot.score(codec)
        return {"clips": len(pairs), **{key: round(v, 5) for key, v in found.items()}}, pairs

    def _distances(self, pairs: list[Decoded]) -> dict[str, float]:
        rows = [self.distance(torch.from_numpy(pair.decoded)[None, None],
                              torch.from_numpy(pair.original)[None, None]) for pair in pairs]
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def _heard(self, pairs: list[Decoded]) -> dict[str, float]:
        """STOI and PESQ of speech; nothing where the packages are not installed."""
        from llm_codec.bench.metrics.perceptual import pesq, stoi

        values = defaultdict(list)
        spoken = [pair for pair, speech in zip(pairs, self.spoken, strict=True) if speech]
        for pair in spoken[:SPOKEN]:
            for name, measure in (("stoi", stoi), ("pesq_wb", lambda *two: pesq(*two, "wb"))):
                try:
                    value = measure(pair.original, pair.decoded)
                except (Undefined, ImportError):  # too short or silent; or without the extra
                    continue
                values[name].append(value)
        return {name: float(np.mean(found)) for name, found in values.items()}


def _kind(row: dict[str, str]) -> str:
    return row.get("kind") or KINDS.get(row.get("group") or "", UNKNOWN)
