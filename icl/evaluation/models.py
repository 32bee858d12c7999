"""The two models that are evaluated, loaded once for all rows."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from icl.evaluation.row import Row
from icl.learner import FewShotClassifier
from icl.llm import LLM, as_llm
from icl.pair import Views
from icl.tasks.base import Clip, DataError
from llm_codec.audio import AudioError
from llm_codec.codec import LLMCodec
from llm_codec.codes import Codes
from llm_codec.parts import sounding


class Models:
    """A codec and a language model, and what they have heard.

    Args:
        codec: a preset, a folder, a hub id, or an `LLMCodec`.
        llm: a preset, a folder, a hub id, a transformers model, an `LLM`, or a server's address.
        tokenizer: of a server's model, a folder or a hub id; None takes the model's own.
    """

    def __init__(
        self, codec: Any = "pocket", llm: Any = "pocket", tokenizer: Any = None
    ) -> None:
        self.names = {"codec": _name(codec), "llm": _name(llm)}
        self.codec = codec if isinstance(codec, LLMCodec) else LLMCodec.from_pretrained(codec)
        self.llm: LLM = as_llm(llm, tokenizer)
        self._ear = FewShotClassifier(codec=self.codec, llm=self.llm)
        self._heard: dict[tuple[Clip, int], Views] = {}

    @property
    def fingerprints(self) -> dict[str, str]:
        """Of codec, vocabulary and language model."""
        return {
            "codec": self.codec.fingerprint,
            "vocabulary": self.codec.vocabulary.fingerprint,
            "llm": self.llm.fingerprint,
        }

    @contextmanager
    def metered(self) -> Iterator[dict[str, float]]:
        """What a block costs: ``seconds``, ``tokens_run``, ``tokens_saved``; filled at its end."""
        llm, spent = self.llm, {}
        started, run, saved = time.perf_counter(), llm.tokens_run, llm.tokens_saved
        yield spent
        spent["seconds"] = round(time.perf_counter() - started, 4)
        spent["tokens_run"] = llm.tokens_run - run
        spent["tokens_saved"] = llm.tokens_saved - saved

    def classifier(self, row: Row) -> FewShotClassifier:
        """A learner with the settings of a row."""
        return self._learner(FewShotClassifier, row)

    def generator(self, task: str, row: Row) -> Any:
        """The same for generation; ``task`` as `icl.generator.FewShotGenerator` names it."""
        from icl.generator import FewShotGenerator

        return self._learner(FewShotGenerator, row, task=task)

    def _learner(self, kind: Any, row: Row, **more: Any) -> Any:
        try:
            return kind(
                codec=self.codec, llm=self.llm, repeats=row.repeats, **more, **row.settings
            )
        except TypeError as error:
            raise DataError(
                f"{row.name}: a {kind.__name__} takes no such setting ({error})"
            ) from error

    def hear(self, clip: Clip, wave: np.ndarray, views: int = 1) -> Views:
        """Codes of a clip, encoded once however often it is drawn; `heard` finds them again.

        Args:
            clip: names the clip.
            wave: float32 (S,) at the codec's rate.
            views: how many times it is encoded, see `icl.pair.FrozenPair.hear`.

        Raises:
            AudioError: the clip is silent or too short.
        """
        if (clip, views) not in self._heard:
            try:
                (self._heard[clip, views],) = self._ear.hear([wave], views)
            except AudioError as error:
                raise AudioError(f"{clip.path}: {error}") from error
        return self._heard[clip, views]

    def heard(self, clip: Clip, views: int = 1) -> Views:
        """Codes of a clip that was heard."""
        return self._heard[clip, views]

    def word_vectors(self, codes: Codes) -> np.ndarray:
        """The codec's vectors of the words of scale 1 that a prompt has: float32 (T_1, D)."""
        book = self.codec.quantizer.codebooks[0]
        return book.vectors(sounding(codes, 0).to(book.table.device)).cpu().numpy()

    @torch.inference_mode()
    def through_codec(self, wave: np.ndarray, seed: int = 0) -> np.ndarray:
        """A clip (S,) encoded and decoded with all scales: float32 (S,)."""
        codes = self.codec.encode(wave, self.codec.config.sample_rate)
        return self.codec.decode(codes, seed=seed).cpu().numpy().reshape(-1)


def settings_of(learner: Any, names: dict[str, str]) -> dict[str, Any]:
    """A learner's arguments as JSON values, its two models by the names they were asked for."""
    plain = {name: _plain(value) for name, value in learner.get_params().items()}
    return {**plain, **names}


def digest(drawn: Any) -> str:
    """16 hex digits of what was drawn, JSON values: the same for the same questions."""
    return hashlib.sha256(json.dumps(drawn, ensure_ascii=False).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [*map(_plain, value)]
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value) if isinstance(value, Path) else getattr(value, "name", type(value).__name__)


def _name(given: Any) -> str:
    return str(given) if isinstance(given, str | Path) else type(given).__name__
