"""Recipe of a codec, read from JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_codec.config import CodecConfig
from llm_codec.run import check_fields, read_recipe
from llm_codec.training.terms import loss_names, wanted
from llm_codec.training.words import KINDS, FrozenWords, allowed_words, read_words

SHORTEST = 2.4  # seconds of a crop: 19 words of the slow scale; it collapses on shorter ones
_FROM_WORDS = {"codebook_sizes", "embedding_dim"}


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training run does.

    Args:
        data: folder with ``manifest.csv``, folder of audio files, or data set: see `open_corpus`.
        llm: preset, folder or hub name of the frozen LLM whose words the codes are.
        out: folder for the last codec; ``best/`` inside it holds the one with the lowest mel loss
            on clips held out, ``samples/`` sound and pictures, ``train/`` log and resumable state.
        start: preset, folder or hub name of an earlier codec, of the same shape and around the same
            words, to go on from; empty begins at random.
        codec: `CodecConfig` fields; codebook sizes and embedding width follow from the words.
        split: rows of the manifest to train on.
        held_out: speakers left out of training, to choose settings on; they are evaluated on.
        evaluate_split: rows to evaluate on where no speakers are held out.
        vocabulary: ``"words"``, whole lower-case words of the LLM, commonest first;
            ``"portable"``, those that are one token in many LLMs; ``"whole"``, all its tokens.
        words: words of each scale; None takes a usual number, or the whole vocabulary.
        word_list: file of words to take none but; empty allows all.
        core: channels of the coarsest scale, laid along the LLM's principal directions; 0 trains
            a map as for the other scales.
        steps, unquantised: optimiser steps; how many of them before the lookup is switched on.
            A codec trained with the lookup from the start uses a handful of words.
        crops, seconds: crops a step and process, and their length.
        levels: dBFS, lowest and highest RMS level that a clip is brought to at random.
        noise: folder of noise, or a group, source or label of the rows to train on; empty for
            none. The encoder hears it, the decoder should not give it back: see `Sampler`.
        noise_share, noise_snr: share of the crops that get noise; dB, lowest and highest.
        classes: labels a step, two clips each, for the agreement loss.
        learning_rate, warmup, clip: AdamW with a cosine schedule; largest norm of the gradient.
        weights: weight of each loss; one of 0, or left out, is not computed at all.
        options: what a loss is told, by its name: see the terms.
        precision: ``"no"``, or ``"bf16"`` for bfloat16 in encoder and decoder.
        lowest_use: share of a codebook in use under which a run is stopped; 0 lets any go on.
        save_every, evaluate_every: steps between checkpoints, and between evaluations.
        evaluate_clips: how many clips an evaluation hears.
        seed: of every choice.

    Raises:
        ValueError: a value that cannot be trained with; the message says which.
    """

    data: str
    llm: str
    out: str
    start: str = ""
    codec: dict[str, Any] = field(default_factory=dict)
    split: str = "train"
    held_out: tuple[str, ...] = ()
    evaluate_split: str = "dev"
    vocabulary: str = "words"
    words: tuple[int, ...] | None = None
    word_list: str = ""
    core: int = 12
    steps: int = 4000
    unquantised: int = 1000
    crops: int = 8
    seconds: float = SHORTEST
    levels: tuple[float, ...] = (-32.0, -20.0)
    noise: str = ""
    noise_share: float = 0.5
    noise_snr: tuple[float, ...] = (5.0, 25.0)
    classes: int = 16
    learning_rate: float = 8e-4
    warmup: int = 100
    clip: float = 1.0
    weights: dict[str, float] = field(default_factory=lambda: {
        "mel": 1.0, "stft": 0.5, "commitment": 1.0, "agreement": 0.5, "isotropy": 0.2,
        "consistency": 0.5})
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    precision: str = "no"
    lowest_use: float = 0.1
    save_every: int = 250
    evaluate_every: int = 500
    evaluate_clips: int = 48
    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(CodecConfig, self.codec, "codec of the recipe")
        known, named = loss_names(), {*self.weights, *self.options}
        rules = {
            f"weights or options of unknown losses {sorted(named - {*known})}; there are {known}":
                named <= {*known},
            f"codec gives {sorted(_FROM_WORDS & {*self.codec})}, which follow from the words":
                not _FROM_WORDS & {*self.codec},
            "all weights are 0, so nothing would be trained; give mel 1":
                any(self.weights.values()),
            f"all losses need words, and there are none until step {self.unquantised} "
            "(unquantised); give another loss, such as mel, or unquantised 0":
                not self.unquantised
                or any(not term.needs_words for term in wanted(self.weights)),
            f"seconds is {self.seconds:g} but crops need {SHORTEST} or more: the slow scale has "
            "too few words in shorter ones, and collapses": self.seconds >= SHORTEST,
            f"vocabulary is {self.vocabulary!r} but must be one of {', '.join(KINDS)}":
                self.vocabulary in KINDS,
            f"word_list is {self.word_list!r}, which goes with vocabulary \"words\" alone":
                not self.word_list or self.vocabulary == "words",
            f"precision is {self.precision!r} but must be \"no\" or \"bf16\"":
                self.precision in ("no", "bf16"),
            f"levels and noise_snr are {self.levels} and {self.noise_snr} but must be two numbers "
            "each, the lower first":
                all(len(pair) == 2 and pair[0] <= pair[1]
                    for pair in (self.levels, self.noise_snr)),
            f"steps is {self.steps} but the lookup is switched on at {self.unquantised} "
            "(unquantised): no codec would come of it": self.steps > self.unquantised >= 0,
            f"split and evaluate_split are both {self.split!r}, so the run would be judged by what "
            "it is trained on; name another, or speakers to hold out (held_out)":
                self.split != self.evaluate_split or bool(self.held_out),
            f"unquantised is {self.unquantised} but the start is quantised: give 0":
                not (self.start and self.unquantised),
            f"noise_share and lowest_use are {self.noise_share} and {self.lowest_use} but must be "
            "0 to 1": 0 <= self.noise_share <= 1 and 0 <= self.lowest_use <= 1,
            "crops, classes, warmup, save_every, evaluate_every and evaluate_clips must be 1 or "
            "more": min(self.crops, self.classes, self.warmup, self.save_every,
                        self.evaluate_every, self.evaluate_clips) > 0,
        }
        if broken := [rule for rule, kept in rules.items() if not kept]:
            raise ValueError(broken[0])

    @classmethod
    def load(cls, path: Path, **overrides: Any) -> TrainConfig:
        """Read a recipe; see `read_recipe`."""
        return read_recipe(cls, path, **overrides)

    def read_words(self) -> FrozenWords:
        """The words to train around; see `words.read_words`."""
        return read_words(self.llm, self.words, allowed_words(self.vocabulary, self.word_list),
                          self.vocabulary == "whole", self.scales)

    @property
    def scales(self) -> int:
        """K."""
        return len(self.codec.get("vq_strides", CodecConfig.vq_strides))

    def crop_samples(self, shape: CodecConfig) -> int:
        """S of a crop: whole blocks of the codec, not less than ``seconds``."""
        return shape.padded_samples(round(self.seconds * shape.sample_rate))

    def codec_config(self, words: FrozenWords) -> CodecConfig:
        """Shape of the codec around these words."""
        return CodecConfig(**self.codec, codebook_sizes=words.vocabulary.sizes,
                           embedding_dim=words.embeddings[0].shape[1])
