"""The codec and the language model of a learner: loaded once, bound by words, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from icl import room
from icl.estimator import Estimator
from icl.llm import LLM, as_llm
from icl.template import PromptError, SettingError, Template
from icl.writer import PromptWriter
from llm_codec import audio
from llm_codec.codec import LLMCodec
from llm_codec.codes import Codes, CodesError
from llm_codec.vocabulary import BoundVocabulary, VocabularyError


class Views(tuple[Codes, ...]):
    """Codes of one clip, each heard with a little more silence before it."""


class FrozenPair(Estimator):
    """What learners have in common: ``codec``, ``llm``, ``tokenizer`` and ``sample_rate``.

    Attributes:
        codec_, llm_: what is in use, after `fit`.
    """

    codec: str | Path | LLMCodec
    llm: str | Path | LLM
    tokenizer: Any
    sample_rate: int | None

    @classmethod
    def from_pretrained(cls, name: str | Path = "pocket", **settings: Any) -> Self:
        """A learner whose codec and language model come from one preset, folder or hub id."""
        return cls(**{"codec": name, "llm": name, **settings})

    def load(self) -> Self:
        """Load both models now, which `fit` would do; `codec_` and `llm_` are there then."""
        self._load_codec()
        self._load_llm()
        return self

    def encode(self, clips: Iterable[Any]) -> list[Codes]:
        """Codes of each clip; `Codes` of the same codec pass through.

        Raises:
            AudioError: a clip cannot be read, is silent, or is shorter than one frame.
            CodesError: codes of another codec.
        """
        clips = several(clips)
        self._load_codec()
        return [self._encode(clip, position) for position, clip in enumerate(clips)]

    def hear(self, clips: Iterable[Any], views: int) -> list[Views]:
        """Each clip encoded several times, each time starting a part of a coarse word later.

        The codec cuts sound into words by its own clock, so a later start gives other words for
        the same sound, and what is averaged over them depends less on where the cuts fell (ours).

        Args:
            clips: as for `encode`, or `Views` of as many.
            views: how many times.

        Raises:
            AudioError, CodesError: as `encode`; also if codes, which have one start, are to be
                heard several times.
        """
        clips = several(clips)
        self._load_codec()
        return [self._views(clip, position, views) for position, clip in enumerate(clips)]

    def require_room(self, clips: Iterable[Any], times: int = 1) -> None:
        """Raise PromptError if a clip is too long for any prompt; see `icl.room.require_room`."""
        room.require_room(
            clips, self._writer, self.llm_.context_length, self.sample_rate, times
        )

    def _views(self, clip: Any, position: int, views: int) -> Views:
        given = len(clip) if isinstance(clip, Views) else 1 if isinstance(clip, Codes) else views
        if given != views:
            raise CodesError(f"clip {position} was encoded {given} times but is to be heard in "
                             f"{views} views; give the sound itself, or views={given}")
        if isinstance(clip, Views | Codes):
            known = clip if isinstance(clip, Views) else [clip]
            return Views(self._encode(one, position) for one in known)
        wave, config = self._wave(clip, position), self.codec_.config
        span = config.hop_length * config.vq_strides[0]
        late = [number * span // views for number in range(views)]
        pad = torch.nn.functional.pad
        return Views(self.codec_.encode(pad(wave, (samples, 0))) for samples in late)

    def _encode(self, clip: Any, position: int) -> Codes:
        if isinstance(clip, Codes):
            if clip.codec != self.codec_.fingerprint:
                raise CodesError(
                    f"clip {position} was encoded by codec {clip.codec} but "
                    f"{self.codec_.fingerprint} is in use; encode it again"
                )
            return clip
        return self.codec_.encode(self._wave(clip, position))

    def _wave(self, clip: Any, position: int) -> torch.Tensor:
        """Samples (S,) of a clip, at the codec's rate."""
        rate = self.codec_.config.sample_rate
        if isinstance(clip, str | Path):
            name, clip, given = str(clip), audio.load(clip, rate), rate
        else:
            name, given = f"clip {position}", self.sample_rate
        (wave,) = audio.prepare(clip, given, rate)
        self._require_usable(wave, name)
        return wave

    def _require_usable(self, wave: torch.Tensor, name: str) -> None:
        shortest = self.codec_.config.hop_length
        if wave.shape[-1] < shortest:
            raise audio.AudioError(
                f"{name} lasts {wave.shape[-1]} samples, too short to hold a sound; a clip needs "
                f"{shortest} samples ({1000 * shortest / self.codec_.config.sample_rate:.0f} ms)"
            )
        audio.require_sound(wave, name)

    def _require_numbers(self, *names: str, kind: type = Integral) -> None:
        """Raise SettingError unless these settings are numbers of this kind, or None as usual."""
        for name in names:
            value = getattr(self, name)
            if value is None and getattr(type(self), name) is None:
                continue
            if isinstance(value, bool) or not isinstance(value, kind):
                noun = "a whole number" if kind is Integral else "a number"
                raise SettingError(f"{name} is {value!r}; expected {noun}")

    def _load_codec(self) -> None:
        if getattr(self, "_codec_source", None) is not self.codec:
            given = self.codec
            self.codec_ = given if isinstance(given, LLMCodec) else LLMCodec.from_pretrained(given)
            self._codec_source, self._writer_key = given, None

    def _load_llm(self) -> None:
        source = (self.llm, self.tokenizer)
        if not _same(getattr(self, "_llm_source", None), source):
            self.llm_ = as_llm(self.llm, self.tokenizer)
            self._llm_source, self._writer_key = source, None

    def _load_writer(self, template: str | Template, scales: int, induction: bool) -> None:
        """Load both models and bind the codec's words to the other, unless that is done."""
        self.load()
        key = (template, scales, induction)
        if getattr(self, "_writer_key", None) != key:
            words = bind(self.codec_, self.llm_)
            self._writer = PromptWriter(template, words, self.llm_.tokenizer, scales, induction)
            self._writer_key = key


def several(clips: Iterable[Any]) -> list[Any]:
    """A list of clips; one clip alone would be read as a list of letters or samples."""
    if is_single(clips):
        raise PromptError(f"one {type(clips).__name__} was given; put clips in a list, even one")
    return list(clips)


def is_single(clip: Any) -> bool:
    """Whether this is one clip or text, not several."""
    return isinstance(clip, str | Path) or (is_samples(clip) and clip.ndim < 2)


def is_samples(given: Any) -> bool:
    """Whether this is a tensor or an array of numbers, of any shape."""
    tensor = isinstance(given, torch.Tensor)
    return tensor or (isinstance(given, np.ndarray) and given.dtype.kind in "fiu")


def texts(given: Iterable[Any], noun: str, clips: int | None = None) -> list[str]:
    """Labels or other texts, stripped; one for each of so many clips.

    Raises:
        PromptError: one is not text, or is empty, or there are more or fewer than clips.
    """
    found = list(given)
    if clips not in (None, len(found)):
        raise PromptError(f"{clips} clips but {len(found)} {noun}s; give one for each")
    for position, text in enumerate(found):
        if not isinstance(text, str):
            raise PromptError(
                f"{noun} {position} is {text!r} of type {type(text).__name__}; write all as text"
            )
        if not text.strip():
            raise PromptError(f"{noun} {position} is empty; write a word for it")
    return [str(text).strip() for text in found]


def require_distinct(examples: Iterable[Sequence[Codes | str]]) -> None:
    """Raise PromptError if two examples, each a clip or a source and a target, are the same."""
    known: dict[Any, int] = {}
    for position, parts in enumerate(examples):
        first = known.setdefault(tuple(map(content, parts)), position)
        if first != position:
            raise PromptError(
                f"examples {first} and {position} are the same clip; give each once "
                "(repeats=2 shows all of them twice)"
            )


def content(clip: Codes | str) -> Any:
    """What makes a clip or a text what it is, to be compared: equal for the same codes."""
    if isinstance(clip, str):
        return clip
    words = tuple(tuple(scale.flatten().tolist()) for scale in clip.scales)
    return words, int(clip.num_samples), float(clip.gain)


def bind(codec: LLMCodec, llm: LLM) -> BoundVocabulary:
    """The codec's words in the language model's token ids.

    Raises:
        VocabularyError: one of the two has no words, or they do not fit.
    """
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


def _same(known: tuple | None, given: tuple) -> bool:
    """Whether these are the very objects; models must not be compared by value."""
    return known is not None and all(a is b for a, b in zip(known, given, strict=True))
