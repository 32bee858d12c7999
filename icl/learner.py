"""Few-shot learners: scikit-learn in manner, with an unchanged language model inside."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from icl.estimator import Estimator
from icl.llm import LLM, as_llm
from icl.prompt import Prompt, PromptError, PromptWriter, Template, require_fit
from llm_codec import audio
from llm_codec.codec import LLMCodec
from llm_codec.codes import Codes, CodesError
from llm_codec.vocabulary import BoundVocabulary, VocabularyError

CALIBRATIONS = ("none", "length")


class FewShotClassifier(Estimator):
    """Names sounds from a few labelled examples, shown to a frozen language model as words.

    `fit` writes the examples as a prompt and changes no weight; `predict` asks about each clip.

    Args:
        codec: a preset, a folder, a hub id, or an `LLMCodec`.
        llm: a preset, a folder, a hub id, a transformers model, or an `LLM`.
        template: name in `icl.prompt.TEMPLATES`, or a `Template`.
        scales: leading codec scales written into the prompt; 1 is the slow, semantic one.
        repeats: times the examples are written.
        order_seed: order of the examples in the prompt; None keeps them as given.
        calibrate: ``"none"`` compares summed log-likelihoods of the labels; ``"length"`` their
            mean per token, for labels of unequal length.
        sample_rate: Hz, of clips given as arrays; None is the codec's own.

    Attributes:
        classes_: sorted labels (C,), after `fit`.
        codec_, llm_: what is in use, after `fit`.
    """

    def __init__(
        self,
        codec: str | Path | LLMCodec = "pocket",
        llm: str | Path | LLM = "pocket",
        template: str | Template = "pocket",
        scales: int = 1,
        repeats: int = 1,
        order_seed: int | None = 0,
        calibrate: str = "none",
        sample_rate: int | None = None,
    ) -> None:
        self.codec = codec
        self.llm = llm
        self.template = template
        self.scales = scales
        self.repeats = repeats
        self.order_seed = order_seed
        self.calibrate = calibrate
        self.sample_rate = sample_rate

    @classmethod
    def from_pretrained(cls, name: str | Path = "pocket", **settings: Any) -> FewShotClassifier:
        """A classifier whose codec and language model come from one preset, folder or hub id."""
        return cls(**{"codec": name, "llm": name, **settings})

    def fit(self, clips: Iterable[Any], labels: Iterable[str]) -> FewShotClassifier:
        """Write the examples as a prompt.

        Args:
            clips: paths, arrays or tensors (S,) or (C, S), or single-item `Codes`.
            labels: one for each clip; two or more distinct ones.

        Raises:
            PromptError: labels are too few or do not match, or the examples do not fit.
            AudioError: a clip cannot be read, is silent, or is shorter than one frame.
            VocabularyError: the language model's tokenizer cannot spell the codec's words.
        """
        clips, labels = _several(clips), [str(label).strip() for label in labels]
        self._check(clips, labels)
        demonstrations = [*zip(self.encode(clips), labels, strict=True)]
        if self.order_seed is not None:
            random.Random(self.order_seed).shuffle(demonstrations)
        self._load_llm()
        names = sorted(set(labels))
        self.classes_ = np.array(names)
        self._answers = self._writer.label_sequences(names)
        self._demonstrations = demonstrations
        self._head = self._writer.head(demonstrations, names, self.repeats)
        self._require_fit(reserve=1)
        if self._head.ids:
            self.llm_.hold(self._head.ids)
        return self

    def predict(self, queries: Iterable[Any]) -> np.ndarray:
        """Most likely label of each clip: str (N,)."""
        probabilities = self.predict_proba(queries)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, queries: Iterable[Any]) -> np.ndarray:
        """Probability of each label of `classes_` for each clip: float64 (N, C), rows sum to 1."""
        self._require_fitted()
        rows = [self._scores(codes) for codes in self.encode(queries)]
        return _softmax(np.array(rows, dtype=np.float64).reshape(-1, len(self.classes_)))

    def score(self, queries: Iterable[Any], labels: Iterable[str]) -> float:
        """Share of clips whose label is predicted, 0 to 1."""
        return float(np.mean(self.predict(queries) == np.array(list(labels))))

    def show_prompt(self, query: Any) -> Prompt:
        """The prompt the language model reads to answer for one clip."""
        self._require_fitted()
        (codes,) = self.encode([query])
        return self._prompt(codes)

    def encode(self, clips: Iterable[Any]) -> list[Codes]:
        """Codes of each clip; `Codes` of the same codec pass through.

        Raises:
            AudioError: a clip cannot be read, is silent, or is shorter than one frame.
            CodesError: codes of another codec.
        """
        clips = _several(clips)
        self._load_codec()
        return [self._encode(clip, position) for position, clip in enumerate(clips)]

    def _encode(self, clip: Any, position: int) -> Codes:
        if isinstance(clip, Codes):
            if clip.codec != self.codec_.fingerprint:
                raise CodesError(
                    f"clip {position} was encoded by codec {clip.codec} but "
                    f"{self.codec_.fingerprint} is in use; encode it again"
                )
            return clip
        rate = self.codec_.config.sample_rate
        if isinstance(clip, str | Path):
            name, clip, given = str(clip), audio.load(clip, rate), rate
        else:
            name, given = f"clip {position}", self.sample_rate or rate
        (wave,) = audio.prepare(clip, given, rate)
        self._require_usable(wave, name)
        return self.codec_.encode(wave)

    def _require_usable(self, wave: torch.Tensor, name: str) -> None:
        shortest = self.codec_.config.hop_length
        if wave.shape[-1] < shortest:
            raise audio.AudioError(
                f"{name} lasts {wave.shape[-1]} samples, too short to hold a sound; a clip needs "
                f"{shortest} samples ({1000 * shortest / self.codec_.config.sample_rate:.0f} ms)"
            )
        audio.require_sound(wave, name)

    def _scores(self, codes: Codes) -> list[float]:
        """Log-likelihood of each answer after the prompt for ``codes``."""
        totals = self.llm_.score(self._prompt(codes).ids, self._answers)
        if self.calibrate == "none":
            return totals
        return [total / len(ids) for total, ids in zip(totals, self._answers, strict=True)]

    def _prompt(self, codes: Codes) -> Prompt:
        tail = self._writer.query(codes)
        self._require_fit(reserve=len(tail) + max(map(len, self._answers)))
        return self._head + tail

    def _require_fit(self, reserve: int) -> None:
        if len(self._head) + reserve <= self.llm_.context_length:
            return
        require_fit(  # counts example by example, only to say how many fit
            self._writer,
            self._demonstrations,
            self.classes_.tolist(),
            self.repeats,
            reserve,
            self.llm_.context_length,
        )

    def _require_fitted(self) -> None:
        if not hasattr(self, "classes_"):
            raise PromptError("the classifier has no examples yet; call fit(clips, labels) first")

    def _check(self, clips: Sequence[Any], labels: Sequence[str]) -> None:
        if len(clips) != len(labels):
            raise PromptError(f"{len(clips)} clips but {len(labels)} labels; give one for each")
        if not all(labels):
            raise PromptError(f"the label of clip {labels.index('')} is empty; write a word for it")
        if len(set(labels)) < 2:
            seen = sorted(set(labels))
            raise PromptError(f"the labels are {seen}; give examples of two labels or more")
        if self.calibrate not in CALIBRATIONS:
            raise PromptError(f"calibrate is {self.calibrate!r}; expected one of {CALIBRATIONS}")
        if self.repeats < 1:
            raise PromptError(f"repeats is {self.repeats}; it must be 1 or more")

    def _load_codec(self) -> None:
        if getattr(self, "_codec_source", None) is not self.codec:
            given = self.codec
            self.codec_ = given if isinstance(given, LLMCodec) else LLMCodec.from_pretrained(given)
            self._codec_source, self._writer_key = given, None

    def _load_llm(self) -> None:
        """Load the language model and bind the codec's words to it, unless that is done."""
        if getattr(self, "_llm_source", None) is not self.llm:
            self.llm_ = as_llm(self.llm)
            self._llm_source, self._writer_key = self.llm, None
        key = (self.template, self.scales)
        if getattr(self, "_writer_key", None) != key:
            words = _bind(self.codec_, self.llm_)
            self._writer = PromptWriter(self.template, words, self.llm_.tokenizer, self.scales)
            self._writer_key = key


def _several(clips: Iterable[Any]) -> list[Any]:
    """A list of clips; one clip alone would be read as a list of letters or samples."""
    tensor = isinstance(clips, torch.Tensor)
    samples = tensor or (isinstance(clips, np.ndarray) and clips.dtype.kind in "fiu")
    if isinstance(clips, str | Path) or (samples and clips.ndim < 2):
        raise PromptError(f"one {type(clips).__name__} was given; put clips in a list, even one")
    return list(clips)


def _bind(codec: LLMCodec, llm: LLM) -> BoundVocabulary:
    """The codec's words in the language model's token ids."""
    if codec.vocabulary is None or llm.tokenizer is None:
        lacking = "codec has no vocabulary" if codec.vocabulary is None else "LLM has no tokenizer"
        raise VocabularyError(f"the {lacking}, so sounds cannot be written as words; give one")
    words = codec.vocabulary.bind(llm.tokenizer, codec.config)
    top = max(token for book in words.token_ids for ids in book for token in ids)
    if top >= llm.vocab_size:
        raise VocabularyError(
            f"the codec's words reach token {top} but the language model knows 0 to "
            f"{llm.vocab_size - 1}; do the tokenizer and the model belong together?"
        )
    return words


def _softmax(scores: np.ndarray) -> np.ndarray:
    """Rows (N, C) of log-likelihoods to probabilities."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    return shifted / shifted.sum(axis=1, keepdims=True)
