"""Spectral encoder and decoder: ours, because a frame costs a CPU far less than 480 samples do.

The encoder reads log-mel frames, the lowest bins of the spectrum and how much it repeats at each
pitch. The decoder predicts a short-time spectrum and inverts it, as Vocos does (arXiv 2306.00814);
WavTokenizer (arXiv 2408.16532) found that better per parameter at these rates than a mirrored
convolutional decoder. Beside it stands a tone at a pitch that is predicted too.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from llm_codec.config import FRAMES_PER_LATENT, STEPS_PER_LATENT, CodecConfig
from llm_codec.depthwise import DepthwiseConv
from llm_codec.layers import LocalAttention, Noise
from llm_codec.mel import LogMel
from llm_codec.tone import PITCHES, Clock, PitchHead, Tone, at_least_single, salience

WINDOW_HOPS = 4  # hops a window of these spectra spans
MEL_BANDS = 80
MEL_WINDOW = 1024  # samples
LOW_BINS = 64  # of that window: up to 1 kHz
COMPRESSION = 0.7  # of a spectrum whose repetitions are looked for
FLOOR = 0.3  # three times the magnitude of noise 20 dB below a clip of -26 dBFS, in that window


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, LayerNorm, two pointwise layers, scaled skip. (B, C, T) -> same.

    arXiv 2201.03545, in one dimension as in Vocos.

    Args:
        channels: C.
        expansion: width of the hidden layer in units of C.
    """

    def __init__(self, channels: int, expansion: int = 3) -> None:
        super().__init__()
        self.depthwise = DepthwiseConv(channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, expansion * channels)
        self.narrow = nn.Linear(expansion * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(rearrange(self.depthwise(x), "b c t -> b t c"))
        hidden = self.scale * self.narrow(nn.functional.gelu(self.widen(hidden)))
        return x + rearrange(hidden, "b t c -> b c t")


def _entry(channels: int, width: int) -> nn.Sequential:
    """Mel frames (B, channels, T') -> (B, width, T), one for each latent frame."""
    return nn.Sequential(
        nn.Conv1d(channels, width, 3, padding=1),
        nn.GELU(),
        nn.Conv1d(width, width, FRAMES_PER_LATENT, stride=FRAMES_PER_LATENT),
    )


class CoarseEncoder(nn.Module):
    """Mel magnitudes (B, bands, T') -> coarse channels of the latent (B, D', T).

    Ours: words of the coarsest scale are what a language model is shown, and should be the same
    words in a little noise. This branch hears logarithms above a floor, where such noise hardly
    shows; what lies below is left to the finer scales.

    Args:
        config: ``coarse_dim``, ``coarse_width`` and ``coarse_depth`` are used.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        width = config.coarse_width
        self.entry = _entry(MEL_BANDS, width)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(width) for _ in range(config.coarse_depth)))
        self.exit = nn.Conv1d(width, config.coarse_dim, 3, padding=1)

    def forward(self, mel: Tensor) -> Tensor:
        frames = (mel + FLOOR).log().to(self.exit.weight.dtype)
        return self.exit(self.blocks(self.entry(frames)))


class SpectralEncoder(nn.Module):
    """Waveform (B, 1, S) -> latent (B, D, T); S must be whole blocks.

    Args:
        config: ``encoder_width``, ``encoder_depth``, ``latent_dim`` and attention shape are used.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        width, hop = config.encoder_width, config.hop_length // FRAMES_PER_LATENT
        self.mel = LogMel(config.sample_rate, MEL_WINDOW, hop, MEL_BANDS)
        self.register_buffer("salience", salience(config.sample_rate, MEL_WINDOW), persistent=False)
        self.entry = _entry(MEL_BANDS + LOW_BINS + PITCHES, width)
        blocks = [ConvNeXtBlock(width) for _ in range(config.encoder_depth)]
        self.blocks = nn.Sequential(
            *blocks, LocalAttention(width, config.attention_window, config.attention_head_dim)
        )
        self.exit = nn.Conv1d(width, config.latent_dim - config.coarse_dim, 3, padding=1)
        self.coarse = CoarseEncoder(config) if config.coarse_dim else None

    def forward(self, waveform: Tensor) -> Tensor:
        magnitude = self.mel.magnitude(waveform)
        mel = self.mel.filters @ magnitude
        fine = self._fine(mel, magnitude)
        return fine if self.coarse is None else torch.cat([self.coarse(mel), fine], dim=1)

    def coarsely(self, waveform: Tensor) -> Tensor:
        """The coarse channels alone, for a fraction of the work. (B, 1, S) -> (B, D', T)."""
        return self.coarse(self.mel.filters @ self.mel.magnitude(waveform))

    def _fine(self, mel: Tensor, magnitude: Tensor) -> Tensor:
        bands = torch.cat([mel, magnitude[:, :LOW_BINS]], dim=1)
        frames = self.mel.log(bands) / 4 + 1  # about zero mean and unit variance at speech level
        power = magnitude**COMPRESSION
        repeats = self.salience @ power / power.sum(dim=1, keepdim=True)
        frames = torch.cat([frames, 3 * repeats], dim=1)
        return self.exit(self.blocks(self.entry(frames.to(self.exit.weight.dtype))))


class SpectralDecoder(nn.Module):
    """Latent (B, D, T) -> waveform (B, 1, S). Deterministic: there is no noise in it.

    Args:
        config: ``decoder_width``, ``decoder_depth``, ``head_width``, ``head_depth``,
            ``latent_dim`` and attention shape are used.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        width, narrow = config.decoder_width, config.head_width
        self.entry = nn.Conv1d(config.latent_dim, width, 7, padding=3)
        attention = LocalAttention(width, config.attention_window, config.attention_head_dim)
        blocks = [ConvNeXtBlock(width) for _ in range(config.decoder_depth)]
        self.blocks = nn.Sequential(attention, *blocks)
        self.up = nn.ConvTranspose1d(width, narrow, STEPS_PER_LATENT, STEPS_PER_LATENT)
        self.head = nn.Sequential(*(ConvNeXtBlock(narrow) for _ in range(config.head_depth)))
        self.norm = nn.LayerNorm(narrow)
        self.pitch = PitchHead(narrow)
        hop = config.hop_length // STEPS_PER_LATENT
        self.tone = Tone(config.sample_rate, WINDOW_HOPS * hop, hop)
        self.inverse = SpectrumHead(narrow, hop)

    def forward(
        self, latent: Tensor, generator: Noise | None = None, clock: Clock | None = None
    ) -> Tensor:
        frames = self.frames(latent)
        voicing, pitches = self.pitch(frames)
        return self.sound(frames, self.pitch.hertz(pitches), voicing, clock)

    def frames(self, latent: Tensor) -> Tensor:
        """What every spectrum is made of. (B, D, T) -> (B, T', C)."""
        x = self.entry(latent.to(self.entry.weight.dtype))
        x = self.head(self.up(self.blocks(x)))
        return self.norm(rearrange(x, "b c t -> b t c"))

    def sound(
        self, frames: Tensor, hertz: Tensor, voicing: Tensor, clock: Clock | None = None
    ) -> Tensor:
        """Frames (B, T', C), pitch in Hz and log-odds (B, T') -> (B, 1, T' hop)."""
        tone = self.tone(hertz, clock) * voicing.sigmoid()[..., None]
        return self.inverse(frames, tone)


class SpectrumHead(nn.Module):
    """Frames (B, T', C) -> waveform (B, 1, T' hop): magnitude and phase, then overlap-add.

    Args:
        channels: C.
        hop: samples between spectra; the Hann window spans `WINDOW_HOPS`.
    """

    def __init__(self, channels: int, hop: int) -> None:
        super().__init__()
        self.hop, self.window = hop, WINDOW_HOPS * hop
        self.project = nn.Linear(channels, 3 * (self.window // 2 + 1))
        self.register_buffer("hann", torch.hann_window(self.window), persistent=False)

    def forward(self, x: Tensor, tone: Tensor) -> Tensor:
        """x (B, T', C), and complex spectra (B, T', bins) of a tone, which x says the gain of."""
        magnitude, phase, gain = at_least_single(self.project(x)).chunk(3, dim=-1)
        spectra = torch.polar(magnitude.clamp_max(6.0).exp(), phase)
        spectra = spectra + gain.clamp_max(3.0).exp() * tone
        frames = torch.fft.irfft(spectra, n=self.window) * self.hann  # (B, T', window)
        total = self._overlap_add(frames)
        envelope = self._overlap_add(self.hann.square().expand(1, x.shape[1], -1))
        return total / envelope.clamp_min(1e-4)

    def _overlap_add(self, frames: Tensor) -> Tensor:
        """(B, T', window) -> (B, 1, T' hop): as many samples as the frames stand for."""
        length = (frames.shape[1] - 1) * self.hop + self.window
        added = nn.functional.fold(
            frames.mT, (1, length), (1, self.window), stride=(1, self.hop)
        )[:, :, 0]
        spare = (self.window - self.hop) // 2
        return added[..., spare : spare + frames.shape[1] * self.hop]
