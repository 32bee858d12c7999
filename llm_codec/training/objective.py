"""Everything that takes gradients in a run, and the step that gives its losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from llm_codec.codec import LLMCodec
from llm_codec.quantizer import pool
from llm_codec.tone import LOWEST
from llm_codec.training.codebook import ProjectedCodebook, TrainingQuantizer
from llm_codec.training.data import Span
from llm_codec.training.guidance import disturb
from llm_codec.training.pitch import Voice
from llm_codec.training.term import Setting, Step, Takes
from llm_codec.training.terms import build_terms


class Objective(nn.Module):
    """Encoder, lookup, decoder and loss terms.

    Args:
        codec: its encoder and decoder are trained.
        setting: recipe, shape and words of the run.
    """

    def __init__(self, codec: LLMCodec, setting: Setting) -> None:
        super().__init__()
        shape, core = setting.shape, setting.config.core
        self.encoder, self.decoder = codec.encoder, codec.decoder
        books = [ProjectedCodebook(table, shape.latent_dim, 0 if scale else core)
                 for scale, table in enumerate(setting.words.embeddings)]
        self.quantizer = TrainingQuantizer(books, shape.vq_strides, shape.lookup)
        self.terms = nn.ModuleList(build_terms(setting))
        self.pitches = setting.pitches
        self._codec = (codec,)  # not a child a second time
        self._core, self._stride = core, shape.vq_strides[0]
        self._apart = 0 < core == shape.coarse_dim  # a branch of the encoder hears it all
        self._span = shape.hop_length * self._stride

    @property
    def needs_takes(self) -> bool:
        """Whether a term compares labelled clips."""
        return any(term.needs_takes for term in self.terms)

    def forward(
        self, number: int, quantising: bool, waves: Tensor, heard: Tensor,
        spans: Sequence[Span], takes: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> tuple[dict[str, Tensor], Step]:
        """Losses by name, each (), and what they were computed from.

        Args:
            number: of the step.
            quantising: whether the lookup is on.
            waves: (B, 1, S) float32, what is wanted.
            heard: (B, 1, S) what the encoder gets.
            spans: clips in them.
            takes: labelled clips (2 C, 1, S'), their lengths in samples (2 C,), and which are alike
                on the whole (2 C,).
        """
        latent = self.latent(heard)
        with _full_precision(waves):
            looked = self.quantizer(latent) if quantising else None
        hertz = self.pitches and self.pitches.crops(spans, len(waves), waves.shape[-1])
        given = latent if looked is None else looked.quantized.latent
        output, voice = self._decode(given, hertz, number)
        taken = None if takes is None else self._takes(*takes)
        disturbed = self._disturbed(waves, number) if looked else None
        losses: dict[str, Tensor] = {}
        with _full_precision(waves):
            step = Step(number, waves, output.float(), latent, self.core(latent), spans, looked,
                        taken, voice, disturbed)
            for term in self.terms:
                if quantising or not term.needs_words:
                    losses |= term(step)
        return losses, step

    def latent(self, waves: Tensor) -> Tensor:
        """(B, 1, S) -> (B, D, T) float32."""
        return self._codec[0].latent(waves).float()

    def core(self, latent: Tensor) -> Tensor:
        """What the coarsest scale sees: (B, D, T) -> (B, D', T_1)."""
        return pool(latent[:, : self._core or None], self._stride)

    def heard_core(self, waves: Tensor) -> Tensor:
        """`core` of the latent of sounds that are not decoded. (B, 1, S) -> (B, D', T_1)."""
        if self._apart:
            return pool(self.encoder.coarsely(waves).float(), self._stride)
        return self.core(self.latent(waves))

    def _decode(
        self, latent: Tensor, hertz: Tensor | None, number: int
    ) -> tuple[Tensor, Voice | None]:
        """Sound of latents; its tone is led by the true pitch in half of the crops.

        Led, the decoder learns what a tone is good for before it can tell a pitch; alone, it
        learns to do with what it tells.
        """
        if hertz is None:  # with noise, as it decodes later: else its gains would never learn
            return self.decoder(latent, torch.Generator().manual_seed(number)), None
        decoder, hertz = self.decoder, hertz.to(latent.device)
        frames = decoder.frames(latent)
        voicing, pitches = decoder.pitch(frames)
        draw = torch.rand(len(hertz), 1, generator=torch.Generator().manual_seed(number))
        led = (draw.to(hertz.device) > 0.5) & (hertz > 0)
        told = torch.where(led, hertz.clamp_min(LOWEST), decoder.pitch.hertz(pitches).detach())
        return decoder.sound(frames, told, voicing), Voice(voicing, pitches, hertz)

    def _takes(self, waves: Tensor, lengths: Tensor, whole: Tensor) -> Takes:
        return Takes(self.heard_core(waves), -(-lengths // self._span), whole)

    def _disturbed(self, waves: Tensor, number: int) -> Tensor | None:
        if not any(term.needs_disturbed for term in self.terms):
            return None
        return self.heard_core(disturb(waves, number))

    @torch.no_grad()
    def begin(self, codec: LLMCodec) -> None:
        """Start from an earlier codec around the same words.

        Raises:
            ValueError: it has another shape or other words.
        """
        for name, mine in (("encoder", self.encoder), ("decoder", self.decoder)):
            try:
                mine.load_state_dict(getattr(codec, name).state_dict())
            except RuntimeError as error:
                raise ValueError(f"the recipe's {name} is not that of its start; give both the "
                                 "same shape") from error
        for mine, given in zip(self.quantizer.codebooks, codec.quantizer.codebooks, strict=True):
            mine.adopt(given.table)

    @torch.no_grad()
    def fit(self, waves: Tensor) -> None:
        """Lay the words over the latents of crops (B, 1, S) as they are now, scale by scale."""
        latent = torch.cat([self.latent(part) for part in waves.split(32)])
        books, quantizer = list(self.quantizer.codebooks), self.quantizer
        if books[0].core:
            books[0].fit_core(self.core(latent).mT.flatten(0, 1))
        for scale in range(1 if books[0].core else 0, len(books)):
            residual = latent
            if scale:
                part = TrainingQuantizer(books[:scale], quantizer.strides[:scale],
                                         quantizer.lookup)
                residual = latent - part(latent).quantized.latent
            books[scale].fit(pool(residual, quantizer.strides[scale]).mT.flatten(0, 1))


def _full_precision(like: Tensor) -> torch.autocast:
    """Half precision in encoder and decoder alone: spectra and distances lose too much by it."""
    return torch.autocast(like.device.type, enabled=False)
