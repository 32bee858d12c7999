"""Whisper's view of a clip, to guide the coarse scales."""

from __future__ import annotations

import torch
from torch import Tensor

from llm_codec.training.frozen import Frozen

SAMPLE_RATE, HOP = 16000, 320  # Hz; samples a position of the encoder: 10 ms of mel, twice


class WhisperFeatures:
    """Output of a frozen Whisper encoder at the rate asked for (arXiv 2406.10056, §3.4).

    The encoder's window, 30 s, is cut to the crops' length: its cost goes by the window, and most
    of it would be padding.

    Args:
        name: folder or hub name of a Whisper.
        samples: S of the crops, at 16 kHz.

    Raises:
        ValueError: crops are longer than the window, or not at 16 kHz.
    """

    def __init__(self, name: str, samples: int, sample_rate: int = SAMPLE_RATE) -> None:
        from transformers import AutoFeatureExtractor, WhisperModel  # heavy, and only needed here

        if sample_rate != SAMPLE_RATE:
            raise ValueError(f"Whisper hears {SAMPLE_RATE} Hz but the codec has {sample_rate}; "
                             "leave whisper empty")
        encoder = WhisperModel.from_pretrained(name, dtype=torch.float32).encoder
        positions = -(-samples // HOP)
        if positions > encoder.max_source_positions:
            raise ValueError(f"{name} hears {encoder.max_source_positions * HOP / SAMPLE_RATE:g} s "
                             f"but crops have {samples / SAMPLE_RATE:g} s; take shorter crops")
        encoder.config.max_source_positions = positions
        encoder.embed_positions = torch.nn.Embedding.from_pretrained(
            encoder.embed_positions.weight[:positions]
        )
        self.width, self.length = encoder.config.d_model, positions * HOP
        self._extract = AutoFeatureExtractor.from_pretrained(name)
        self._encoder = Frozen(encoder)

    @torch.no_grad()
    def __call__(self, waves: Tensor, frames: int) -> Tensor:
        """(B, 1, S) at 16 kHz -> (B, width, frames) float32, means over time."""
        mel = self._extract(
            list(waves[:, 0].cpu().numpy()), sampling_rate=SAMPLE_RATE, return_tensors="pt",
            padding="max_length", max_length=self.length, truncation=True,
        ).input_features
        heard = self._encoder.on(waves.device)(mel.to(waves.device)).last_hidden_state
        return torch.nn.functional.adaptive_avg_pool1d(heard.mT, frames)
