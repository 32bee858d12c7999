"""Opus, Codec2 and Speex through the command-line tools that Debian packages."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm_codec.bench.codecs.base import Codec, Encoded, Missing, SpecError, fit

TIMEOUT = 600  # seconds one run of a tool may take

_CODEC2_FRAME = 320  # samples at 8 kHz, the longest frame of any mode

# Codec2's modes by bit/s: name, and delay in samples at 8 kHz. The delay is where the log spectra
# of 16 clips of speech and of their decoded versions, 4 samples a step, agree best on average.
_CODEC2_MODES = {700: ("700C", 232), 1300: ("1300", 144), 2400: ("2400", 152), 3200: ("3200", 152)}

_SPEEX_DELAY = 80  # samples at 8 kHz, where SI-SDR is highest; see `Speex.delay`


@dataclass(frozen=True)
class Tools:
    """A pair of command-line tools that read and write streams.

    Args:
        package: Debian's name of what brings them.
        encoder, decoder: command and arguments; 16-bit little-endian samples in and out.
        spare: silent samples put behind a clip, for a decoder that gives back less than it got.
    """

    package: str
    encoder: tuple[str, ...]
    decoder: tuple[str, ...]
    spare: int = 0


class ToolCodec(Codec):
    """A codec that runs as two processes a clip, whose start is part of its times.

    Args:
        spec: the name of its rows.
        sample_rate: Hz that the tools work at.
        tools: what is run.
    """

    def __init__(self, spec: str, sample_rate: int, tools: Tools) -> None:
        super().__init__(spec, sample_rate)
        self.tools = tools
        for command in (tools.encoder[0], tools.decoder[0]):
            if shutil.which(command) is None:
                raise Missing(f"{command} is not installed: apt-get install {tools.package}")

    def encode(self, wave: np.ndarray) -> Encoded:
        """See `Codec.encode`."""
        pcm = np.round(np.clip(wave, -1, 1) * 32767).astype("<i2")
        payload = _run(self.tools.encoder, np.pad(pcm, (0, self.tools.spare)).tobytes())
        return Encoded(payload, self.bits(payload))

    def decode(self, encoded: Encoded, num_samples: int) -> np.ndarray:
        """See `Codec.decode`."""
        pcm = np.frombuffer(_run(self.tools.decoder, encoded.payload), "<i2")
        return fit(pcm / 32768, num_samples, self.delay(encoded.payload))

    def bits(self, payload: bytes) -> int:
        """What counts as sent."""
        return 8 * sum(map(len, ogg_pages(payload)[2:]))

    def delay(self, payload: bytes) -> int:
        """Samples by which the decoder's output lags."""
        return 0

    def origin(self) -> dict[str, Any]:
        """Debian's version of the package, or what the tool says of itself."""
        return {"package": self.tools.package, "version": _version(self.tools)}


class Opus(ToolCodec):
    """``opusenc`` at its usual variable rate; the container tells the decoder its delay.

    Args:
        spec: the name of its rows.
        kbit: target, kbit/s.
    """

    counted = "bytes of Opus packets; no Ogg pages, no header and comment packets"

    def __init__(self, spec: str, kbit: float) -> None:
        encoder = ("opusenc", "--quiet", "--raw", "--raw-rate", "16000", "--raw-chan", "1",
                   "--bitrate", f"{kbit:g}", "-", "-")
        decoder = ("opusdec", "--quiet", "--rate", "16000", "-", "-")
        super().__init__(spec, 16000, Tools("opus-tools", encoder, decoder))


class Speex(ToolCodec):
    """``speexenc``, narrow band: 8 kHz.

    Args:
        spec: the name of its rows.
        kbit: kbit/s; the encoder takes the highest of its rates that is no higher.
    """

    counted = "bytes of Speex packets; no Ogg pages, no header and comment packets"

    def __init__(self, spec: str, kbit: float) -> None:
        encoder = ("speexenc", "-n", "--bitrate", f"{1000 * kbit:.0f}", "--rate", "8000", "--le",
                   "--16bit", "-", "-")
        super().__init__(spec, 8000, Tools("speex", encoder, ("speexdec", "--mono", "-", "-"), 160))

    def delay(self, payload: bytes) -> int:
        """The decoder cuts its delay away, unless the first page of sound is also the last."""
        return _SPEEX_DELAY if len(ogg_pages(payload)) == 3 else 0


class Codec2(ToolCodec):
    """``c2enc``: 8 kHz, frames of 20 or 40 ms without a container.

    Args:
        spec: the name of its rows.
        bit: bit/s of the mode: 700 (700C), 1300, 2400 or 3200.
    """

    counted = "bits of frames, without those that fill a frame to whole bytes"

    def __init__(self, spec: str, bit: float) -> None:
        if bit not in _CODEC2_MODES:
            raise SpecError(f"{spec}: Codec2 has {', '.join(map(str, _CODEC2_MODES))} bit/s")
        mode, self._delay = _CODEC2_MODES[int(bit)]
        encoder = ("c2enc", mode, "-", "-", "--bitperchar")
        decoder = ("c2dec", mode, "-", "-", "--bitperchar")
        super().__init__(
            spec, 8000, Tools("codec2", encoder, decoder, self._delay + _CODEC2_FRAME - 1)
        )

    def bits(self, payload: bytes) -> int:
        """One byte stands for one bit."""
        return len(payload)

    def delay(self, payload: bytes) -> int:
        """Constant for a mode."""
        return self._delay


_KINDS = {
    "opus": (Opus, "kbit/s", "opus@6"),
    "speex": (Speex, "kbit/s", "speex@4"),
    "codec2": (Codec2, "bit/s", "codec2@700"),
}


def load(spec: str, name: str, rate: float | None) -> Codec:
    """The codec of that name at a rate.

    Raises:
        SpecError: there is no rate, or not that one.
        Missing: its tools are not installed.
    """
    kind, unit, example = _KINDS[name]
    if not rate:
        raise SpecError(f"{spec}: give a rate in {unit}, as in {example}")
    return kind(spec, rate)


def ogg_pages(stream: bytes) -> list[bytes]:
    """Bodies of the pages of an Ogg stream (RFC 3533, section 6).

    Opus (RFC 7845, section 3) and Speex both keep a header and a comment packet on pages of their
    own before the first page of sound.
    """
    pages, start = [], 0
    while stream[start : start + 4] == b"OggS":
        segments = stream[start + 26]
        body = start + 27 + segments
        end = body + sum(stream[start + 27 : body])
        pages.append(stream[body:end])
        start = end
    return pages


def _run(command: Sequence[str], data: bytes) -> bytes:
    done = subprocess.run(command, input=data, capture_output=True, timeout=TIMEOUT)
    if done.returncode or not done.stdout:
        said = " ".join(done.stderr.decode(errors="replace").split())[-200:]
        raise ValueError(f"{command[0]} failed ({done.returncode}): {said or 'no output'}")
    return done.stdout


def _version(tools: Tools) -> str:
    """What dpkg knows, else the first line of ``--version``."""
    commands = [("dpkg-query", "-W", "-f", "${Version}", tools.package),
                (tools.encoder[0], "--version")]
    for command in commands:
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, timeout=TIMEOUT)
            if done.returncode == 0 and done.stdout.strip():
                return done.stdout.decode(errors="replace").strip().splitlines()[0]
    return "unknown"
