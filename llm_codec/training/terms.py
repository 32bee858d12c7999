"""The loss terms there are: each by the names of its losses in the recipe's weights."""

from __future__ import annotations

import inspect

from torch import Tensor

from llm_codec.training.adversary import Adversary
from llm_codec.training.consistency import Consistency
from llm_codec.training.guidance import agreement, isotropy, steadiness
from llm_codec.training.losses import ReconstructionLoss
from llm_codec.training.loudness import LoudnessLoss
from llm_codec.training.pitch import Pitch
from llm_codec.training.predictability import Predictability
from llm_codec.training.semantic import Semantic
from llm_codec.training.term import Setting, Step, Term


class Reconstruction(Term):
    """Distance of the output to the input; see `ReconstructionLoss`."""

    losses = ("mel", "stft")

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.distance = ReconstructionLoss(sample_rate)

    @classmethod
    def build(cls, setting: Setting) -> Reconstruction:
        """At the codec's rate."""
        return cls(setting.shape.sample_rate)

    def forward(self, step: Step) -> dict[str, Tensor]:
        return self.distance(step.output, step.waves)


class Loudness(Term):
    """What sounds too loud or is missing; see `LoudnessLoss`."""

    losses = ("loudness",)

    def __init__(self) -> None:
        super().__init__()
        self.disturbance = LoudnessLoss()

    @classmethod
    def build(cls, setting: Setting) -> Loudness:
        """For codecs of 16 kHz, which its tables are for."""
        if setting.shape.sample_rate != 16000:
            raise ValueError(f"the loss loudness is for 16000 Hz, not {setting.shape.sample_rate};"
                             " give it weight 0")
        return cls()

    def forward(self, step: Step) -> dict[str, Tensor]:
        return {"loudness": self.disturbance(step.output, step.waves)}


class Commitment(Term):
    """Latents and words should meet; see `TrainingQuantizer`."""

    losses, needs_words = ("commitment",), True

    def forward(self, step: Step) -> dict[str, Tensor]:
        return {"commitment": step.looked.commitment}


class Agreement(Term):
    """Two augmented clips of one label should be near; see `guidance.agreement`."""

    losses, needs_takes = ("agreement",), True

    def forward(self, step: Step) -> dict[str, Tensor]:
        return {"agreement": agreement(step.takes.core, step.takes.frames, step.takes.whole)}


class Steadiness(Term):
    """A little noise should not change the coarse words; see `guidance.steadiness`."""

    losses, needs_words, needs_disturbed = ("steadiness",), True, True

    @classmethod
    def build(cls, setting: Setting) -> Steadiness:
        """For codecs that look words up by distance, as the loss measures it."""
        if setting.shape.lookup != "euclidean":
            raise ValueError(f"the loss steadiness is for lookup \"euclidean\", not "
                             f"{setting.shape.lookup!r}; give it weight 0")
        return cls()

    def forward(self, step: Step) -> dict[str, Tensor]:
        views = [view.mT.flatten(0, 1) for view in (step.core, step.disturbed)]
        table = step.looked.tables[0][:, : views[0].shape[1]]
        words = step.looked.quantized.codes[0].flatten()
        return {"steadiness": steadiness(views, words, table)}


class Isotropy(Term):
    """Coarse latents should spread as the words do; see `guidance.isotropy`."""

    losses = ("isotropy",)

    def forward(self, step: Step) -> dict[str, Tensor]:
        return {"isotropy": isotropy(step.core)}


TERMS: tuple[type[Term], ...] = (
    Reconstruction, Loudness, Pitch, Commitment, Agreement, Steadiness, Isotropy, Consistency,
    Semantic, Predictability, Adversary,
)


def loss_names() -> list[str]:
    """Every name that weights may have."""
    return [name for term in TERMS for name in term.losses]


def wanted(weights: dict[str, float]) -> list[type[Term]]:
    """Terms that have a loss of weight other than 0."""
    return [term for term in TERMS if term.asked(weights)]


def build_terms(setting: Setting) -> list[Term]:
    """The terms of a run: those with a weight; the others are not even built.

    Raises:
        ValueError: a term is told something that it does not know.
    """
    return [_build(kind, setting) for kind in wanted(setting.config.weights)]


def _build(kind: type[Term], setting: Setting) -> Term:
    told = [setting.config.options.get(name, {}) for name in kind.losses]
    options = {key: value for part in told for key, value in part.items()}
    if unknown := sorted(set(options) - set(_options(kind))):
        raise ValueError(f"the loss {'/'.join(kind.losses)} has no options {unknown}; "
                         f"there are {_options(kind)}")
    return kind.build(setting, **options)


def _options(kind: type[Term]) -> list[str]:
    return sorted(set(inspect.signature(kind.build).parameters) - {"setting"})
