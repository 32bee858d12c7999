"""Pitch of the training clips, and the loss that teaches a decoder to tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from llm_codec import atomic
from llm_codec.config import STEPS_PER_LATENT, CodecConfig
from llm_codec.tone import LOWEST, PITCHES, pitch_step
from llm_codec.training.bank import ClipBank, extent
from llm_codec.training.data import Span
from llm_codec.training.term import Step, Term

FLOOR, CEILING = 60.0, 800.0  # Hz, of the pitches looked for
SHORTEST = 1200  # samples in which the lowest can be found


class Voice(NamedTuple):
    """What a decoder tells of pitch, and what is true. T' spectra a crop.

    Args:
        voicing: (B, T') log-odds of a tone.
        pitches: (B, T', PITCHES) log-odds of each pitch.
        hertz: (B, T') true pitch; 0 where there is none.
    """

    voicing: Tensor
    pitches: Tensor
    hertz: Tensor


class PitchTracks:
    """Pitch of every clip of a bank, found once by Praat (Boersma 1993, autocorrelation).

    Args:
        bank: the clips; the tracks are kept beside its samples.
        shape: of the codec: a value for each spectrum its decoder writes.

    Raises:
        ImportError: praat-parselmouth is missing.
        ValueError: the codec's decoder has no tone.
    """

    def __init__(self, bank: ClipBank, shape: CodecConfig) -> None:
        if shape.decoder != "spectral":
            raise ValueError(f"the loss pitch is for spectral decoders, not {shape.decoder}; "
                             "give it weight 0")
        self.rate, self.hop = shape.sample_rate, shape.hop_length // STEPS_PER_LATENT
        path = bank.path.with_suffix(f".pitch{self.hop}.npy")
        lengths = -(-np.diff(bank.ends, prepend=0) // self.hop)
        self.ends = np.cumsum(lengths)
        if not path.exists():
            tracks = [self._track(bank.clip(number))
                      for number in tqdm(range(len(lengths)), desc="pitch", disable=None)]
            with atomic.writing(path) as stream:
                np.save(stream, np.concatenate(tracks).astype(np.float16))
        self.values = np.load(path, mmap_mode="r")

    def _track(self, wave: np.ndarray) -> np.ndarray:
        """(S,) -> one value in Hz per hop, 0 where no pitch is."""
        track = np.zeros(-(-len(wave) // self.hop), np.float32)
        peak = np.abs(wave).max(initial=0)
        if len(wave) < SHORTEST or peak < 1e-4:
            return track
        sound = _praat().Sound((wave / peak).astype(np.float64), self.rate)
        found = sound.to_pitch_ac(
            time_step=self.hop / self.rate, pitch_floor=FLOOR, pitch_ceiling=CEILING
        )
        places = np.round(found.xs() * self.rate / self.hop - 0.5).astype(int)
        inside = (places >= 0) & (places < len(track))
        track[places[inside]] = found.selected_array["frequency"][inside]
        return track

    def crops(self, spans: Sequence[Span], count: int, samples: int) -> Tensor:
        """Pitch in crops that clips lie in, (count, samples / hop) float32."""
        hertz = np.zeros((count, samples // self.hop), np.float32)
        centres = np.arange(samples // self.hop) * self.hop + self.hop // 2
        for span in spans:
            track = self.values[extent(self.ends, span.clip)]
            here = (centres >= span.start) & (centres < span.stop)
            places = (centres[here] - span.start + span.offset) // self.hop
            hertz[span.row, here] = track[np.minimum(places, len(track) - 1)]
        return torch.from_numpy(hertz)


def _praat() -> Any:
    try:
        import parselmouth
    except ImportError as error:
        raise ImportError("the loss pitch needs praat-parselmouth; install it with "
                          "pip install 'llm-codec[train]'") from error
    return parselmouth


class Pitch(Term):
    """The decoder should tell whether there is a tone, and at which pitch.

    Cross-entropy against a bell b about the true step s, over frames with a pitch; and of a tone
    against none, over all. The bell is CREPE's (Kim et al. 2018, arXiv 1802.06182, eq. 3), which
    asks about each step apart; here, with steps that exclude one another (ours)::

        pitch   = -mean sum_k b_k log p_k,   b_k ~ exp(-(k - s)^2 / 2)
        voicing = -mean (v log q + (1 - v) log(1 - q))
    """

    losses = ("pitch", "voicing")

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.arange(PITCHES).float(), persistent=False)

    def forward(self, step: Step) -> dict[str, Tensor]:
        voicing, pitches, hertz = step.voice
        sung = hertz > 0
        place = pitch_step(hertz.clamp_min(LOWEST))[..., None]
        bell = (-0.5 * (self.steps - place).square()).softmax(dim=-1)
        surprise = -(bell * pitches.log_softmax(dim=-1)).sum(dim=-1)
        return {
            "pitch": (surprise * sung).sum() / sung.sum().clamp_min(1),
            "voicing": nn.functional.binary_cross_entropy_with_logits(voicing, sung.float()),
        }
