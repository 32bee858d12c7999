"""DAC, EnCodec and Mimi as transformers has them, from the hub or a folder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, DacModel, EncodecModel, MimiModel, PreTrainedModel

from llm_codec import checkpoint
from llm_codec.bench.codecs.base import Missing, NeuralCodec, SpecError


class HubCodec(NeuralCodec):
    """A residual codec: K codebooks of one size, all at one frame rate.

    Args:
        spec: the name of its rows.
        model: in eval mode.
        codebooks: K that are sent; None sends all.

    Raises:
        SpecError: it has no such number.
    """

    available = "n_codebooks"  # config field: how many there are

    def __init__(self, spec: str, model: PreTrainedModel, codebooks: float | None) -> None:
        most = getattr(model.config, self.available)
        count = most if codebooks is None else codebooks
        if count not in range(1, most + 1):
            raise SpecError(f"{spec}: the model has 1 to {most} codebooks")
        self.model, self.count = model, int(count)
        sizes = [model.config.codebook_size] * self.count
        super().__init__(spec, model.config.sampling_rate, sizes)

    def to_codes(self, wave: Tensor) -> list[Tensor]:
        """See `NeuralCodec.to_codes`."""
        return [*self.model.encode(wave, n_quantizers=self.count).audio_codes[0]]

    def to_wave(self, codes: list[Tensor]) -> Tensor:
        """See `NeuralCodec.to_wave`."""
        return self.model.decode(audio_codes=torch.stack(codes)[None]).audio_values

    def origin(self) -> dict[str, Any]:
        """Class and fingerprint of the weights."""
        print_ = checkpoint.fingerprint(self.model.state_dict())
        return {"model": type(self.model).__name__, "fingerprints": {"codec": print_}}


class Dac(HubCodec):
    """Descript Audio Codec (arXiv 2306.06546).

    Its encoder wants whole hops; silence is added behind the clip and cut again after decoding.
    """

    def to_codes(self, wave: Tensor) -> list[Tensor]:
        """See `NeuralCodec.to_codes`."""
        hop = self.model.config.hop_length
        return super().to_codes(torch.nn.functional.pad(wave, (0, -wave.shape[-1] % hop)))


class Mimi(HubCodec):
    """Mimi, the codec of Moshi (arXiv 2410.00037)."""

    available = "num_quantizers"

    def to_codes(self, wave: Tensor) -> list[Tensor]:
        """See `NeuralCodec.to_codes`."""
        return [*self.model.encode(wave, num_quantizers=self.count).audio_codes[0]]


class Encodec(HubCodec):
    """EnCodec (arXiv 2210.13438), the models that code a clip in one piece.

    Args:
        spec: the name of its rows.
        model: in eval mode.
        kbit: kbit/s, one of the model's bandwidths; None takes the lowest.

    Raises:
        SpecError: it does not have that bandwidth, or cuts clips into normalised chunks.
    """

    available = "num_quantizers"

    def __init__(self, spec: str, model: PreTrainedModel, kbit: float | None) -> None:
        config = model.config
        if config.chunk_length_s is not None or config.normalize or config.audio_channels != 1:
            raise SpecError(f"{spec}: only mono models without chunks, such as encodec_24khz")
        self.kbit = min(config.target_bandwidths) if kbit is None else kbit
        if self.kbit not in config.target_bandwidths:
            known = ", ".join(f"{width:g}" for width in config.target_bandwidths)
            raise SpecError(f"{spec}: the model has {known} kbit/s")
        count = model.quantizer.get_num_quantizers_for_bandwidth(self.kbit)
        super().__init__(spec, model, count)

    def to_codes(self, wave: Tensor) -> list[Tensor]:
        """See `NeuralCodec.to_codes`."""
        return [*self.model.encode(wave, bandwidth=self.kbit).audio_codes[0, 0]]

    def to_wave(self, codes: list[Tensor]) -> Tensor:
        """See `NeuralCodec.to_wave`."""
        return self.model.decode(torch.stack(codes)[None, None], [None]).audio_values


_KINDS = {
    "dac": (Dac, DacModel), "encodec": (Encodec, EncodecModel), "mimi": (Mimi, MimiModel),
}


def load(spec: str, target: str, rate: float | None) -> HubCodec:
    """The codec in a folder or hub repository.

    Args:
        spec: the name of its rows.
        target: folder or hub id.
        rate: EnCodec: kbit/s; the others: number of codebooks; None for the usual.

    Raises:
        SpecError: a model of another kind, or another rate.
        Missing: it is not here and cannot be fetched.
    """
    try:
        config = AutoConfig.from_pretrained(target)
    except (OSError, ValueError) as error:
        raise Missing(_hint(target)) from error
    if config.model_type not in _KINDS:
        raise SpecError(f"{spec} is of type {config.model_type}; expected {', '.join(_KINDS)}")
    codec, model = _KINDS[config.model_type]
    try:
        loaded = model.from_pretrained(target, dtype=torch.float32)
    except OSError as error:
        raise Missing(_hint(target)) from error
    return codec(spec, loaded.eval().requires_grad_(False), rate)


def _hint(target: str) -> str:
    return f"{target} is neither here nor on the hub: fetch it with `hf download`, or give a folder"
