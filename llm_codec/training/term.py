"""What a loss term is, what it is built from, and what it sees of a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from llm_codec.config import CodecConfig
from llm_codec.training.codebook import Looked

if TYPE_CHECKING:
    from llm_codec.training.config import TrainConfig
    from llm_codec.training.data import Span
    from llm_codec.training.pitch import PitchTracks, Voice
    from llm_codec.training.words import FrozenWords


@dataclass(frozen=True)
class Setting:
    """What terms are built from.

    Args:
        config: the recipe; ``config.options`` holds what a term may be told.
        shape: of the codec.
        words: embeddings and vocabulary of the frozen LLM.
        rows: the manifest's rows of the clips, in the order in which `Span` numbers them.
        pitches: pitch of the clips, for a decoder that is told it; None if no term asks.
    """

    config: TrainConfig
    shape: CodecConfig
    words: FrozenWords
    rows: Sequence[Mapping[str, str]]
    pitches: PitchTracks | None = None


@dataclass(frozen=True)
class Takes:
    """Clips of one label side by side.

    Args:
        core: (2 C, D, T_1) what the coarsest scale sees of them; rows 2i and 2i+1 share a label.
        frames: (2 C,) int64, frames of it that hold sound, 1 to T_1.
        whole: (2 C,) bool, whether they are alike on the whole, whatever comes when.
    """

    core: Tensor
    frames: Tensor
    whole: Tensor


@dataclass(frozen=True)
class Step:
    """What one step computed, for every term to judge.

    Args:
        number: of the step, from 0.
        waves: (B, 1, S) float32 the audio that is wanted.
        output: (B, 1, S) what the decoder made.
        latent: (B, D, T) before the lookup.
        core: (B, D', T_1) what the coarsest scale sees of it.
        spans: where in the crops which clip lies.
        looked: what the lookup found; None before it is switched on.
        takes: labelled pairs; None if no term asks for them.
        voice: pitch as told and as it is; None if no term asks for it.
        disturbed: (B, D', T_1) `core` of the same audio in noise; None if no term asks for it.
    """

    number: int
    waves: Tensor
    output: Tensor
    latent: Tensor
    core: Tensor
    spans: Sequence[Span]
    looked: Looked | None = None
    takes: Takes | None = None
    voice: Voice | None = None
    disturbed: Tensor | None = None


class Term(nn.Module, ABC):
    """One or more losses that are computed together.

    Its parameters that require gradients are trained with the codec's; whatever it trains itself
    must not, outside of `learn`. What a resumed run needs belongs in its state dict.
    """

    losses: ClassVar[tuple[str, ...]]  # names, as in the recipe's weights
    needs_words: ClassVar[bool] = False  # computed once the lookup is on
    needs_takes: ClassVar[bool] = False
    needs_disturbed: ClassVar[bool] = False

    @classmethod
    def asked(cls, weights: Mapping[str, float]) -> bool:
        """Whether one of its losses has a weight other than 0."""
        return any(weights.get(name) for name in cls.losses)

    @classmethod
    def build(cls, setting: Setting) -> Term:
        """The term for a run, if nothing is to choose.

        Others say by further parameters what a recipe may tell them in ``options``, under the name
        of a loss.
        """
        return cls()

    @abstractmethod
    def forward(self, step: Step) -> dict[str, Tensor]:
        """Each loss by name, () in its unit."""

    def learn(self, step: Step, accelerator: Any) -> dict[str, float]:
        """Train what the term trains itself, after the codec's step; tensors have no graph.

        Args:
            step: the same.
            accelerator: averages gradients over processes: ``accelerator.reduce(grad, "mean")``.

        Returns:
            figures for the log.
        """
        return {}
