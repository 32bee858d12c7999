"""The codec: audio to words of a frozen LLM and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from llm_codec import checkpoint
from llm_codec.checkpoint import CheckpointError
from llm_codec.coding import CodingMixin
from llm_codec.config import CodecConfig
from llm_codec.hub import HubMixin
from llm_codec.layers import WaveformDecoder, WaveformEncoder
from llm_codec.quantizer import MultiScaleQuantizer
from llm_codec.spectral import SpectralDecoder, SpectralEncoder
from llm_codec.vocabulary import Vocabulary

ENCODERS = {"waveform": WaveformEncoder, "spectral": SpectralEncoder}
DECODERS = {"waveform": WaveformDecoder, "spectral": SpectralDecoder}


class LLMCodec(nn.Module, CodingMixin, HubMixin):
    """16 kHz audio <-> multi-scale codes, each code a word of a frozen LLM (arXiv 2406.10056).

    Args:
        config: shape of the codec.
        vocabulary: the word of every code; None gives a codec of codes without words.

    Raises:
        ValueError: vocabulary and config disagree about the codebook sizes.
    """

    def __init__(self, config: CodecConfig, vocabulary: Vocabulary | None = None) -> None:
        super().__init__()
        if vocabulary is not None and tuple(vocabulary.sizes) != config.codebook_sizes:
            raise ValueError(f"the vocabulary has {tuple(vocabulary.sizes)} words a scale but the "
                             f"codec has {config.codebook_sizes} codes")
        self.config = config
        self.vocabulary = vocabulary
        self.metadata: dict[str, Any] = {}
        self.encoder = ENCODERS[config.encoder](config)
        self.quantizer = MultiScaleQuantizer(config)
        self.decoder = DECODERS[config.decoder](config)
        self._fingerprint: str | None = None
        self.register_load_state_dict_post_hook(_forget_fingerprint)

    def forward(self, waveform: Tensor) -> Tensor:
        """Reconstruct whole blocks. (B, 1, S) float32 in [-1, 1] -> (B, 1, S)."""
        return self.decoder(self.quantizer(self.latent(waveform)).latent)

    def latent(self, waveform: Tensor) -> Tensor:
        """Latent of whole blocks before quantisation. (B, 1, S) -> (B, D, T)."""
        latent = self.encoder(waveform)
        if self.config.latent_norm:
            coarse, fine = latent.tensor_split([self.config.coarse_dim], dim=1)
            fine = nn.functional.layer_norm(fine.mT, fine.shape[1:2]).mT
            latent = torch.cat([coarse, fine], dim=1)
        return latent

    @property
    def fingerprint(self) -> str:
        """16 hex digits of weights and their types; computed once after they were loaded."""
        if self._fingerprint is None:
            self._fingerprint = checkpoint.fingerprint(self.state_dict())
        return self._fingerprint

    @classmethod
    def from_pretrained(
        cls, name: str | Path = "pocket", revision: str | None = None,
        local_files_only: bool = False, device: str | torch.device = "cpu",
        dtype: torch.dtype | None = None, **hub: Any,
    ) -> LLMCodec:
        """Load a preset, a folder or a hub repository; eval mode, no gradients.

        Args:
            name: preset, folder or ``owner/name``.
            revision: branch, tag or commit on the hub.
            local_files_only: take a hub id from the local cache, without network.
            device: where the codec runs.
            dtype: of the networks' weights and sums; None is float32. Spectra and tables stay
                float32. Half precision changes some words.
            hub: ``token``, ``cache_dir`` and ``force_download`` of huggingface_hub.

        Raises:
            CheckpointError: nothing is there, or its files do not fit one another.
        """
        folder = checkpoint.resolve(name, "codec", revision, local_files_only, **hub)
        loaded = checkpoint.load(folder)
        try:
            codec = cls(loaded.config, loaded.vocabulary)
            codec.load_state_dict(loaded.state, strict=True)
        except (ValueError, RuntimeError) as error:  # torch lists every tensor that does not fit
            reason = " ".join(str(error).split()[:30])
            raise CheckpointError(f"{folder}: config and files do not fit: {reason}") from error
        for weight in (*codec.encoder.parameters(), *codec.decoder.parameters()):
            weight.data = weight.data.to(dtype or weight.dtype)
        codec.metadata = loaded.metadata
        codec._fingerprint = loaded.metadata["fingerprints"]["weights"]
        codec = codec.eval().requires_grad_(False).to(device)
        codec.quantizer.share()  # last: a move to another device would give each its own again
        return codec

    def save_pretrained(
        self, folder: str | Path, dtype: torch.dtype | None = torch.float16, *,
        push_to_hub: bool = False, repo_id: str | None = None, **hub: Any,
    ) -> str | None:
        """Write config, weights, vocabulary and a model card; `from_pretrained` reads them.

        Args:
            folder: made if missing.
            dtype: of the weights. Half precision may change a few codes of a codec that was not
                loaded from half precision; None keeps what is there and changes none. A codec of
                another type has another fingerprint, and takes codes of its own alone.
            push_to_hub: upload as well.
            repo_id: ``owner/name``; None takes the folder's name.
            hub: further arguments of `push_to_hub`.

        Returns:
            URL of the commit if pushed, else None.
        """
        if hub and not push_to_hub:
            raise TypeError(f"save_pretrained takes {sorted(hub)} only with push_to_hub=True")
        state = {  # copies: a file of tensors does not take scales that share a table
            name: value.to(dtype or value.dtype, copy=True)
            for name, value in self.state_dict().items()
        }
        checkpoint.save(Path(folder), self.config, state, self.vocabulary, self.metadata)
        self.write_card(Path(folder))
        if not push_to_hub:
            return None
        return self.push_to_hub(repo_id or Path(folder).resolve().name, dtype=dtype, **hub)

    @classmethod
    def tiny(cls, vocabulary: Vocabulary | None = None, seed: int = 0, **config: Any) -> LLMCodec:
        """A random codec that builds in milliseconds, for tests and examples.

        Args:
            vocabulary: its words; decides the codebook sizes. None gives 32 codes a scale.
            seed: of the weights.
            config: `CodecConfig` fields to set otherwise.
        """
        sizes = tuple(vocabulary.sizes) if vocabulary else (32, 32, 32)
        shape = {"encoder": "spectral", "decoder": "spectral", "encoder_dim": 2, "decoder_dim": 64,
                 "encoder_width": 32, "encoder_depth": 1, "decoder_width": 32, "decoder_depth": 1,
                 "head_width": 32, "head_depth": 1, "latent_dim": 32, "attention_head_dim": 16,
                 "embedding_dim": 16, "codebook_sizes": sizes, "level_db": -26.0}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            codec = cls(CodecConfig(**(shape | config)), vocabulary)
        return codec.eval().requires_grad_(False)


def _forget_fingerprint(codec: LLMCodec, _: Any) -> None:
    codec._fingerprint = None
