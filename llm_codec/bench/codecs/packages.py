"""Codecs of Python packages of their own: descript-audio-codec and snac."""

from __future__ import annotations

import importlib
import importlib.metadata
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from llm_codec import checkpoint
from llm_codec.bench.codecs.base import Missing, NeuralCodec, SpecError


class PackageCodec(NeuralCodec):
    """A model of a package, in eval mode.

    Args:
        spec: the name of its rows.
        model: the model.
        package: name and version.
        sample_rate: Hz.
        codebook_sizes: V_k of every scale sent.
    """

    def __init__(
        self, spec: str, model: nn.Module, package: str, sample_rate: int, codebook_sizes: list[int]
    ) -> None:
        super().__init__(spec, sample_rate, codebook_sizes)
        self.model, self.package = model.eval().requires_grad_(False), package

    def origin(self) -> dict[str, Any]:
        """Package and fingerprint of the weights."""
        print_ = checkpoint.fingerprint(self.model.state_dict())
        return {"package": self.package, "fingerprints": {"codec": print_}}


class Descript(PackageCodec):
    """DAC of descript-audio-codec (arXiv 2306.06546)."""

    def to_codes(self, wave: Tensor) -> list[Tensor]:
        """See `NeuralCodec.to_codes`."""
        whole = self.model.preprocess(wave, self.sample_rate)
        return [*self.model.encode(whole, n_quantizers=len(self.codebook_sizes))[1][0]]

    def to_wave(self, codes: list[Tensor]) -> Tensor:
        """See `NeuralCodec.to_wave`."""
        return self.model.decode(self.model.quantizer.from_codes(torch.stack(codes)[None])[0])


class Snac(PackageCodec):
    """SNAC (arXiv 2410.14411), whose scales have frame rates of their own.

    Its decoder draws noise, here with seed 0 for every clip.
    """

    def to_codes(self, wave: Tensor) -> list[Tensor]:
        """See `NeuralCodec.to_codes`."""
        return [scale[0] for scale in self.model.encode(wave)]

    def to_wave(self, codes: list[Tensor]) -> Tensor:
        """See `NeuralCodec.to_wave`."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return self.model.decode([scale[None] for scale in codes])


def load_descript(spec: str, target: str, rate: float | None) -> PackageCodec:
    """A weights file of descript-audio-codec; ``rate`` is the number of codebooks, None for all.

    The file is read without executing what a pickle may hold.

    Raises:
        Missing: the package or the file is not here.
        SpecError: it is no such file, or has fewer codebooks.
    """
    package = _package("dac", "descript-audio-codec", "'descript-audio-codec' 'torch<2.12'")
    path = Path(target)
    if not path.is_file():
        raise Missing(f"{target} is not there; fetch it by `python -m dac download`")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        model = package.DAC(**content["metadata"]["kwargs"])
        model.load_state_dict(content["state_dict"])
    except (KeyError, TypeError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise SpecError(f"{target} holds no weights of descript-audio-codec") from error
    count = model.n_codebooks if rate is None else rate
    if count not in range(1, model.n_codebooks + 1):
        raise SpecError(f"{spec}: the model has 1 to {model.n_codebooks} codebooks")
    sizes = [model.codebook_size] * int(count)
    return Descript(spec, model, _version("descript-audio-codec"), model.sample_rate, sizes)


def load_snac(spec: str, target: str, rate: float | None) -> PackageCodec:
    """A folder or hub repository of SNAC.

    Raises:
        Missing: the package or the weights are not here.
        SpecError: a rate was given; SNAC has one.
    """
    if rate is not None:
        raise SpecError(f"{spec}: SNAC always sends all its scales; leave the @ out")
    package = _package("snac", "snac", "snac")
    try:
        model = package.SNAC.from_pretrained(target)
    except (OSError, ValueError) as error:
        raise Missing(f"{target} is neither a folder of SNAC nor can it be fetched") from error
    sizes = [model.codebook_size] * model.n_codebooks
    return Snac(spec, model, _version("snac"), model.sampling_rate, sizes)


LOADERS = {"dac": load_descript, "snac": load_snac}


def _package(module: str, name: str, install: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except (ImportError, OSError, RuntimeError) as error:  # torchaudio may fail in its own ways
        raise Missing(f"{name} cannot be imported ({error}): pip install {install}") from error


def _version(name: str) -> str:
    return f"{name} {importlib.metadata.version(name)}"
