"""The codec: audio to words of a frozen LLM and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from llm_codec import audio as audio_io
from llm_codec import checkpoint
from llm_codec.checkpoint import CheckpointError
from llm_codec.codes import Codes, CodesError
from llm_codec.config import CodecConfig
from llm_codec.hub import HubMixin
from llm_codec.layers import WaveformDecoder, WaveformEncoder
from llm_codec.quantizer import MultiScaleQuantizer
from llm_codec.spectral import SpectralDecoder, SpectralEncoder
from llm_codec.vocabulary import Vocabulary

ENCODERS = {"waveform": WaveformEncoder, "spectral": SpectralEncoder}
DECODERS = {"waveform": WaveformDecoder, "spectral": SpectralDecoder}


class LLMCodec(nn.Module, HubMixin):
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

    def forward(self, waveform: Tensor) -> Tensor:
        """Reconstruct whole blocks. (B, 1, S) float32 in [-1, 1] -> (B, 1, S)."""
        return self.decoder(self.quantizer(self.latent(waveform)).latent)

    def latent(self, waveform: Tensor) -> Tensor:
        """Latent of whole blocks before quantisation. (B, 1, S) -> (B, D, T)."""
        latent = self.encoder(waveform)
        if self.config.latent_norm:
            latent = nn.functional.layer_norm(latent.mT, latent.shape[1:2]).mT
        return latent

    @torch.inference_mode()
    def encode(self, audio: Any, sample_rate: int | None = None) -> Codes | list[Codes]:
        """Audio to codes.

        Args:
            audio: a path; an array or tensor (S,), (C, S) or (B, 1, S); or a list of these.
            sample_rate: Hz of arrays; None means the codec's own rate. Files carry theirs.

        Returns:
            `Codes`; for a list, a list of `Codes` in the same order.

        Raises:
            AudioError: the audio is missing, unreadable, empty or not finite.
        """
        if isinstance(audio, (list, tuple)):
            return [self.encode(item, sample_rate) for item in tqdm(audio, "encode", disable=None)]
        rate = self.config.sample_rate
        clips = audio_io.prepare(audio, sample_rate or rate, target_rate=rate)
        items = [self._encode_clip(clip) for clip in clips]
        return items[0] if len(items) == 1 else Codes.stack(items)

    def _encode_clip(self, clip: Tensor) -> Codes:
        level = self._level_gain(clip)
        padded = clip.new_zeros(self.config.padded_samples(len(clip)))
        padded[: len(clip)] = clip * level
        device = self.quantizer.codebooks[0].table.device
        quantized = self.quantizer(self.latent(padded.view(1, 1, -1).to(device)))
        return Codes(
            scales=tuple(scale.cpu() for scale in quantized.codes),
            num_samples=torch.tensor([len(clip)]),
            gain=torch.tensor([1.0 / level], dtype=torch.float32),
            codebook_sizes=self.config.codebook_sizes,
            vq_strides=self.config.vq_strides,
            hop_length=self.config.hop_length,
            sample_rate=self.config.sample_rate,
            codec=self.fingerprint,
            vocabulary=self.vocabulary.fingerprint if self.vocabulary else "",
        )

    def _level_gain(self, clip: Tensor) -> float:
        """Factor that brings a clip to the codec's level; 1 for silence or where level is off."""
        rms = clip.square().mean().sqrt().item()
        if self.config.level_db is None or rms < 1e-6:
            return 1.0
        return 10 ** (self.config.level_db / 20) / rms

    @torch.inference_mode()
    def decode(self, codes: Codes, seed: int | None = 0) -> Tensor:
        """Codes to audio of the original length.

        Args:
            codes: from this codec.
            seed: of the noise that the waveform decoder adds; same seed, same bytes. None adds no
                noise.

        Returns:
            (B, 1, S) float32, S the true number of samples. Shorter items of a batch are zero
            after their end.

        Raises:
            CodesError: the codes come from another codec, or do not fit this one.
        """
        self._check(codes)
        device = self.quantizer.codebooks[0].table.device
        latent = self.quantizer.decode([scale.to(device) for scale in codes.scales])
        noise = None if seed is None else torch.Generator().manual_seed(seed)
        wave = self.decoder(latent, noise).cpu()
        wave = wave[..., : int(codes.num_samples.max())] * codes.gain.view(-1, 1, 1)
        beyond = torch.arange(wave.shape[-1]) >= codes.num_samples.view(-1, 1, 1)
        return wave.masked_fill(beyond, 0.0)

    def _check(self, codes: Codes) -> None:
        """Rejects codes that this codec did not or could not have made."""
        if codes.codec and codes.codec != self.fingerprint:
            raise CodesError(f"these codes were made by codec {codes.codec}; this is codec "
                             f"{self.fingerprint}; decode with the codec that encoded")
        for name in ("codebook_sizes", "vq_strides", "hop_length", "sample_rate"):
            seen, expected = getattr(codes, name), getattr(self.config, name)
            if seen != expected:
                raise CodesError(f"these codes have {name} {seen} but the codec has {expected}; "
                                 "decode with the codec that encoded")
        frames = codes.scales[0].shape[1] * codes.vq_strides[0]
        if frames % self.config.block_frames:
            raise CodesError(f"these codes span {frames} frames, which is not a multiple of "
                             f"{self.config.block_frames}; give whole blocks")

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change with any weight; computed once."""
        if self._fingerprint is None:
            self._fingerprint = checkpoint.fingerprint(self.state_dict())
        return self._fingerprint

    @classmethod
    def from_pretrained(
        cls, name: str | Path = "pocket", revision: str | None = None,
        local_files_only: bool = False, device: str = "cpu", **hub: Any,
    ) -> LLMCodec:
        """Load a preset, a folder or a hub repository; eval mode, no gradients.

        Args:
            name: preset, folder or ``owner/name``.
            revision: branch, tag or commit on the hub.
            local_files_only: take a hub id from the local cache, without network.
            device: where the codec runs.
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
        codec.quantizer.prepare()
        codec.metadata = loaded.metadata
        codec._fingerprint = loaded.metadata["fingerprints"]["weights"]
        return codec.eval().requires_grad_(False).to(device)

    def save_pretrained(
        self, folder: str | Path, dtype: torch.dtype | None = torch.float16, *,
        push_to_hub: bool = False, repo_id: str | None = None, **hub: Any,
    ) -> str | None:
        """Write config, weights, vocabulary and a model card; `from_pretrained` reads them.

        Args:
            folder: made if missing.
            dtype: of the weights. Half precision may change a few codes of a codec that was not
                loaded from half precision; None keeps what is there and changes none.
            push_to_hub: upload as well.
            repo_id: ``owner/name``; None takes the folder's name.
            hub: further arguments of `push_to_hub`.

        Returns:
            URL of the commit if pushed, else None.
        """
        if hub and not push_to_hub:
            raise TypeError(f"save_pretrained takes {sorted(hub)} only with push_to_hub=True")
        state = {name: value.to(dtype or value.dtype) for name, value in self.state_dict().items()}
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
