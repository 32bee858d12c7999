"""A codec of the released size: converted, saved, loaded and run. Minutes and gigabytes: slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from llm_codec import CodecConfig, LLMCodec, cli
from llm_codec.convert import _rename

PARITY = Path(__file__).resolve().parents[2].parent / "shared" / "parity"
CONFIG = CodecConfig()  # encoder 32, decoder 1536, 3 248 / 32 000 / 32 000 words of 4 096
WORDS = CONFIG.codebook_sizes[0]


def released(path: Path, names: list[str]) -> None:
    """Writes random weights of the released size under released names."""
    shapes = {name: value.shape for name, value in LLMCodec(CONFIG).state_dict().items()}
    state = {name: torch.randn(shape_of(name, shapes)) * 0.02 for name in names}
    torch.save({"codec_model": state}, path)


def shape_of(name: str, shapes: dict[str, torch.Size]) -> tuple[int, ...]:
    module, _, leaf = name.rpartition(".")
    if leaf == "inv_freq":
        return (CONFIG.attention_head_dim // 2,)
    if module.startswith("quantizer."):
        scale = int(module.split(".")[2])
        rows = CONFIG.codebook_sizes[scale] if "codebook" in module else CONFIG.latent_dim
        return (rows,) if leaf == "bias" else (rows, CONFIG.embedding_dim)
    shape = shapes[f"{_rename(module, CONFIG)}.{leaf.replace('_v', '').replace('_g', '')}"]
    return (shape[0], 1, 1) if leaf == "weight_g" else tuple(shape)


@pytest.mark.slow
def test_the_released_size_goes_all_the_way(
    tmp_path: Path, tone: Callable, capsys: pytest.CaptureFixture
) -> None:
    small = PARITY / "released_layout.pth"
    if not small.is_file():
        pytest.skip(f"the names of the released weights are not at {PARITY}")
    names = list(torch.load(small, weights_only=True)["codec_model"])
    source, out = tmp_path / "semantic_acoustic.pth", tmp_path / "codec"
    released(source, names)
    (tmp_path / "words.txt").write_text("\n".join(f"word{number}" for number in range(WORDS)))
    seconds = {}

    def timed(name: str, work: Callable) -> object:
        start = time.perf_counter()
        result = work()
        seconds[name] = round(time.perf_counter() - start, 2)
        return result

    arguments = ["convert", str(source), "--out", str(out), "--words", str(tmp_path / "words.txt")]
    assert timed("convert", lambda: cli.main(arguments)) == 0
    codec = timed("load", lambda: LLMCodec.from_pretrained(out))
    assert codec.config == CONFIG and codec.vocabulary.sizes == CONFIG.codebook_sizes
    codes = timed("encode 1 s", lambda: codec.encode(tone(440, seconds=1.0)))
    wave = timed("decode 1 s", lambda: codec.decode(codes))
    assert wave.shape == (1, 1, 16000) and bool(wave.isfinite().all())
    sizes = {path.name: path.stat().st_size >> 20 for path in (source, out / "model.safetensors")}
    with capsys.disabled():
        print(f"\n{seconds} seconds; {sizes} MiB")
