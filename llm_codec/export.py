"""A codec as ONNX graphs, for programs without PyTorch.

``encoder.onnx`` turns whole blocks of sound into codes, ``decoder.onnx`` codes into sound, and
``codec.json`` tells what goes in and out, with rates and fingerprints. What stays outside the
graphs:

* Level. Where ``level_db`` is a number, a clip (S,) is multiplied by
  ``10 ** (level_db / 20) / rms`` before it is encoded, and decoded sound by the inverse.
* Padding to whole blocks with zeros at the end, and cutting what is decoded.
* Noise, which is off: `LLMCodec.decode` with ``seed=None``.

The search holds one score for each frame and word at a time, 270 MB for a minute and 32 000 words:
longer sound goes in parts.
"""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from llm_codec import atomic

if TYPE_CHECKING:
    from llm_codec.codec import LLMCodec

ENCODER, DECODER, CARD = "encoder.onnx", "decoder.onnx", "codec.json"
FORMAT = 1
OPSET = 20  # the first whose Fourier transform takes any axis


class _Encoder(nn.Module):
    """(B, 1, S) float32 -> K int64 tensors (B, T_k)."""

    def __init__(self, codec: LLMCodec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, waveform: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.codec.quantizer(self.codec.latent(waveform)).codes)


class _Decoder(nn.Module):
    """K int64 tensors (B, T_k) -> (B, 1, S) float32."""

    def __init__(self, codec: LLMCodec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, *codes: Tensor) -> Tensor:
        return self.codec.decoder(self.codec.quantizer.decode(codes))


def export(codec: LLMCodec, folder: str | PathLike) -> dict[str, Any]:
    """Write a codec as two ONNX graphs (opset 20) of any batch and any number of blocks.

    Args:
        codec: in float32, on the CPU.
        folder: made if missing; gets ``encoder.onnx``, ``decoder.onnx`` and ``codec.json``.

    Returns:
        What ``codec.json`` says.

    Raises:
        ImportError: the extra ``[export]`` is not installed.
        OSError: a file cannot be written.
    """
    _require_onnx()
    folder, card = Path(folder), describe(codec)
    batch, blocks = torch.export.Dim("batch"), torch.export.Dim("blocks")
    config = codec.config
    waveform = torch.zeros(2, 1, 2 * config.block_samples)
    counts = config.scale_frames(waveform.shape[-1])
    codes = tuple(torch.zeros(2, count, dtype=torch.int64) for count in counts)
    lengths = tuple({0: batch, 1: count // 2 * blocks} for count in counts)
    graphs = {
        ENCODER: (_Encoder(codec), (waveform,), ({0: batch, 2: config.block_samples * blocks},)),
        DECODER: (_Decoder(codec), codes, (lengths,)),
    }
    contents = {name: _graph(*graph, card[name]) for name, graph in graphs.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        atomic.write_bytes(folder / name, content)
    atomic.write_bytes(folder / CARD, json.dumps(card, indent=2).encode() + b"\n")
    return card


def describe(codec: LLMCodec) -> dict[str, Any]:
    """Inputs, outputs, rates and fingerprints of the graphs of a codec, as JSON values."""
    config = codec.config
    sound = {"name": "waveform", "type": "float32",
             "shape": ["batch", 1, f"{config.block_samples}*blocks"]}
    codes = [
        {"name": f"codes_{number}", "type": "int64",
         "shape": ["batch", f"{config.block_frames // stride}*blocks"]}
        for number, stride in enumerate(config.vq_strides, start=1)
    ]
    return {
        "format": FORMAT,
        "opset": OPSET,
        ENCODER: {"inputs": [sound], "outputs": codes},
        DECODER: {"inputs": codes, "outputs": [sound]},
        "sample_rate": config.sample_rate,
        "block_samples": config.block_samples,
        "vq_strides": list(config.vq_strides),
        "codebook_sizes": list(config.codebook_sizes),
        "words_per_second": round(config.tokens_per_second, 2),
        "bits_per_second": round(config.bits_per_second, 1),
        "level_db": config.level_db,
        "level": "outside the graphs" if config.level_db is not None else "left alone",
        "noise": "off",
        "fingerprints": {
            "weights": codec.fingerprint,
            "vocabulary": codec.vocabulary.fingerprint if codec.vocabulary else "",
        },
    }


def _graph(
    module: nn.Module, inputs: tuple[Tensor, ...], shapes: tuple, ports: dict[str, list[dict]]
) -> bytes:
    """A module as the bytes of an ONNX file."""
    names = {kind: [port["name"] for port in ports[kind]] for kind in ports}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses a torchvision, aloud
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about its own future
        program = torch.onnx.export(
            module.eval(), inputs, dynamo=True, verbose=False, opset_version=OPSET,
            dynamic_shapes=shapes, input_names=names["inputs"], output_names=names["outputs"],
        )
    model = program.model_proto
    _name_sizes(model.graph.output)
    return model.SerializeToString()


def _name_sizes(ports: Sequence[Any]) -> None:
    """Calls the unknown number in the shapes of outputs what it is called in those of inputs."""
    for port in ports:
        for size in port.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = re.sub(r"\bs\d+\b", "blocks", size.dim_param)


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"the export needs {error.name}; install it with: pip install 'llm-codec[export]'"
        ) from error
