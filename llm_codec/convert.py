"""Released LLM-Codec weights -> this layout.

The released file (arXiv 2406.10056) holds a pickled state dict with old weight norm and the raw
LLM tables. Here weight norm is folded and every table is projected once, for both depend on
weights only; the codes stay the same.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from llm_codec import checkpoint
from llm_codec.causal import load_tokenizer
from llm_codec.checkpoint import CheckpointError
from llm_codec.codec import LLMCodec
from llm_codec.config import CodecConfig
from llm_codec.vocabulary import Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ROOT_KEY = "codec_model"
WANTED = "semantic_acoustic.pth"
TOKEN_ROWS = 32000  # a first codebook of this size holds tokens instead of words: the older upload
ENCODER_PARTS = 5  # three residual units, Snake, down convolution; nested there, flat here
DECODER_PARTS = {"0": "snake", "1": "up", "2": "noise", "3": "units.0", "4": "units.1",
                 "5": "units.2"}


def load_released(
    path: str | Path,
    config: CodecConfig | None = None,
    words: str | Path | Sequence[str] | None = None,
    tokenizer: str | PreTrainedTokenizerBase | None = None,
) -> LLMCodec:
    """Read a released checkpoint; nothing in it is executed.

    Args:
        path: ``semantic_acoustic.pth`` or a file of the same layout.
        config: shape of the codec; None reads it off the weights.
        words: words of scale 1, or the file that holds them: a ``.npy`` array of plain strings, or
            text with one word a line. Scales 2 and 3 are token ids. None gives a codec of codes
            without words.
        tokenizer: that of the LLM, or its folder or hub name; proves that the words can be spelled
            and read back.

    Returns:
        the codec in eval mode, float32, without gradients.

    Raises:
        CheckpointError: the file is missing, damaged, of another layout or the older upload.
        VocabularyError: the words do not fit the codec or the tokenizer.
    """
    if tokenizer is not None and words is None:
        raise CheckpointError("a tokenizer without words names nothing; give the words of scale 1")
    released = _read(Path(path))
    config = config or read_config(released, path)
    vocabulary = _vocabulary(words, tokenizer, config) if words is not None else None
    codec = LLMCodec(config, vocabulary)
    _fill(codec, released, path)
    codec.metadata = {"llm": _llm_fingerprint(released)}
    return codec.eval().requires_grad_(False)


def _read(path: Path) -> dict[str, Tensor]:
    """State dict of a released file."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path} is not there; expected the released {WANTED}") from None
    except Exception as error:  # bytes that are no pickle can end in any error, even KeyError: 111
        told = isinstance(error, (pickle.UnpicklingError, RuntimeError, OSError)) and str(error)
        reason = told.splitlines()[0] if told else type(error).__name__
        raise CheckpointError(
            f"{path} holds no plain weights ({reason}); expected the released {WANTED}"
        ) from error
    state = content.get(ROOT_KEY) if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} has no key {ROOT_KEY}; expected the released {WANTED}")
    first = state.get("quantizer.quantizers.0.codebook.weight")
    if first is not None and len(first) == TOKEN_ROWS:
        raise CheckpointError(
            f"{path} has {TOKEN_ROWS} rows in its first codebook: the older upload, which has no "
            f"words at scale 1; the file wanted is {WANTED} (3248 rows)"
        )
    return state


def read_config(released: Mapping[str, Tensor], path: str | Path) -> CodecConfig:
    """Shape of a codec, read off its weights; strides are half the kernels.

    Raises:
        CheckpointError: a weight that tells the shape is missing; ``path`` is named.
    """
    try:
        encoder_rates = _rates(released, "encoder.block.{}.block.4.weight_v", 1)
        decoder_rates = _rates(released, "decoder.model.{}.block.1.weight_v", 3)
        tables = [released[f"quantizer.quantizers.{k}.codebook.weight"].shape for k in range(3)]
        return CodecConfig(
            encoder_dim=len(released["encoder.block.0.weight_v"]),
            encoder_rates=encoder_rates,
            decoder_dim=len(released["decoder.model.1.weight_v"]),
            decoder_rates=decoder_rates,
            latent_dim=len(released["quantizer.quantizers.0.cb_proj.bias"]),
            attention_head_dim=2 * len(released["decoder.model.2.rel_pos.inv_freq"]),
            codebook_sizes=tuple(rows for rows, _ in tables),
            embedding_dim=tables[0][1],
            noise="decoder.model.3.block.2.linear.weight_v" in released,
        )
    except KeyError as error:
        raise CheckpointError(f"{path} has no {error}; expected the released {WANTED}") from error


def _rates(released: Mapping[str, Tensor], pattern: str, start: int) -> tuple[int, ...]:
    """Strides of consecutive blocks from number ``start``: kernels are twice as wide."""
    rates = []
    while (key := pattern.format(start + len(rates))) in released:
        rates.append(released[key].shape[-1] // 2)
    return tuple(rates)


def translate(released: Mapping[str, Tensor], config: CodecConfig) -> dict[str, Tensor]:
    """Released tensors under the names of `LLMCodec`, weight norm folded, tables projected."""
    state = {}
    for name, tensor in released.items():
        module, _, leaf = name.rpartition(".")
        if leaf in ("weight_g", "inv_freq") or name.startswith("quantizer."):
            continue
        if leaf == "weight_v":
            leaf, tensor = "weight", _fold(tensor, released[f"{module}.weight_g"])
        state[f"{_rename(module, config)}.{leaf}"] = tensor
    for scale in range(config.num_scales):
        part = f"quantizer.quantizers.{scale}"
        state[f"quantizer.codebooks.{scale}.table"] = torch.nn.functional.linear(
            released[f"{part}.codebook.weight"],
            released[f"{part}.cb_proj.weight"],
            released[f"{part}.cb_proj.bias"],
        )
    return state


def _fold(direction: Tensor, length: Tensor) -> Tensor:
    """Old weight norm: (A, ...) directions and (A, 1, 1) lengths -> weights of the same shape."""
    norm = torch.linalg.vector_norm(direction, dim=tuple(range(1, direction.ndim)), keepdim=True)
    return direction * (length / norm)


def _rename(module: str, config: CodecConfig) -> str:
    """Name here of a released module of encoder or decoder."""
    side, _, number, *rest = module.split(".")
    if side == "encoder":
        return ".".join(["encoder", "layers", *_in_encoder(int(number), rest, config)])
    return ".".join(["decoder", *_in_decoder(int(number), rest, config)])


def _in_encoder(number: int, rest: list[str], config: CodecConfig) -> list[str]:
    blocks = len(config.encoder_rates)
    if 1 <= number <= blocks:  # rest is block, part, ...
        return [str(1 + ENCODER_PARTS * (number - 1) + int(rest[1])), *rest[2:]]
    shift = (ENCODER_PARTS - 1) * blocks if number else 0
    return [str(number + shift), *rest]


def _in_decoder(number: int, rest: list[str], config: CodecConfig) -> list[str]:
    block, blocks = number - 3, len(config.decoder_rates)
    if block < 0:
        return ["entry", str(number), *rest]
    if block < blocks:
        return ["blocks", str(block), DECODER_PARTS[rest[1]], *rest[2:]]
    return ["exit", str(block - blocks), *rest]


def _fill(codec: LLMCodec, released: Mapping[str, Tensor], path: str | Path) -> None:
    """Load translated weights; whatever does not fit is one clear error."""
    try:
        codec.load_state_dict(translate(released, codec.config), strict=True)
    except (RuntimeError, KeyError, IndexError, ValueError) as error:
        reason = str(error).split("\n\t")[-1].strip()
        raise CheckpointError(f"{path} does not fit the released layout: {reason}") from error
    codec.quantizer.share()


def _llm_fingerprint(released: Mapping[str, Tensor]) -> str:
    """Names the LLM: its whole embedding table is the codebook of the last scale."""
    table = released["quantizer.quantizers.2.codebook.weight"]
    return checkpoint.fingerprint({"embeddings": table})


def _vocabulary(
    words: str | Path | Sequence[str],
    tokenizer: str | PreTrainedTokenizerBase | None,
    config: CodecConfig,
) -> Vocabulary:
    """Words at the coarsest scale, token ids at the others."""
    entries = read_words(Path(words)) if isinstance(words, (str, Path)) else list(words)
    vocabulary = Vocabulary([entries, *(range(size) for size in config.codebook_sizes[1:])])
    if isinstance(tokenizer, str):
        tokenizer = load_tokenizer(tokenizer)
    if tokenizer is not None:
        vocabulary.bind(tokenizer, config)
    return vocabulary


def read_words(path: Path) -> list[str]:
    """Words of a ``.npy`` array of strings, or of a text file with one word a line.

    Raises:
        CheckpointError: the file is missing, or holds something else; pickled arrays included.
    """
    try:
        if path.suffix != ".npy":
            return path.read_text(encoding="utf-8").split()
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} holds no plain words ({error})") from error
    if array.ndim != 1 or array.dtype.kind != "U":
        raise CheckpointError(f"{path} is {array.dtype} of shape {array.shape}; expected words")
    return array.tolist()
