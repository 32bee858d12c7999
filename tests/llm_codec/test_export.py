"""Exported graphs, run by ONNX Runtime: what PyTorch gives, for any batch and length."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from llm_codec import LLMCodec, export
from llm_codec.cli import main

TOLERANCE = 1e-4  # of a sample; full scale is 1
SIZES = [(1, 1), (1, 7), (3, 2), (2, 25)]  # clips, blocks: traced with two clips of two blocks


@pytest.fixture(scope="module", params=["pocket", "waveform"])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[LLMCodec, Path]:
    """A spectral codec and one of the released layout, as the command exports them."""
    name, folder = "pocket", tmp_path_factory.mktemp("onnx")
    if request.param == "waveform":
        name = str(folder / "codec")
        LLMCodec.tiny(encoder="waveform", decoder="waveform").save_pretrained(name)
    assert main(["export", name, "--out", str(folder / "graphs")]) == 0
    return LLMCodec.from_pretrained(name), folder / "graphs"


def run(path: Path, *inputs: torch.Tensor) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_inputs()]
    return session.run(None, {n: value.numpy() for n, value in zip(names, inputs, strict=True)})


def sound(codec: LLMCodec, clips: int, blocks: int) -> torch.Tensor:
    """Noise that swells, so that no two frames are alike."""
    generator = torch.Generator().manual_seed(clips + 10 * blocks)
    wave = torch.randn(clips, 1, blocks * codec.config.block_samples, generator=generator)
    return wave * torch.linspace(0.01, 0.2, wave.shape[-1])


@pytest.mark.parametrize(("clips", "blocks"), SIZES)
def test_the_encoder_gives_the_codes_of_pytorch(
    exported: tuple[LLMCodec, Path], clips: int, blocks: int
) -> None:
    codec, folder = exported
    wave = sound(codec, clips, blocks)
    found, expected = run(folder / export.ENCODER, wave), codec.words(wave)
    for codes, scale in zip(found, expected, strict=True):
        assert codes.dtype == np.int64 and np.array_equal(codes, scale.numpy())


@pytest.mark.parametrize(("clips", "blocks"), SIZES)
def test_the_decoder_gives_the_sound_of_pytorch_without_noise(
    exported: tuple[LLMCodec, Path], clips: int, blocks: int
) -> None:
    codec, folder = exported
    codes = codec.words(sound(codec, clips, blocks))
    (wave,) = run(folder / export.DECODER, *codes)
    expected = codec.sound(codes, None).numpy()
    assert wave.shape == (clips, 1, blocks * codec.config.block_samples)
    assert wave.dtype == np.float32 and np.abs(wave - expected).max() < TOLERANCE
    assert np.abs(expected).max() > 100 * TOLERANCE


def test_a_clip_goes_through_the_graphs_as_through_the_codec(
    exported: tuple[LLMCodec, Path], tone
) -> None:
    """What the card says is left outside: level, padding, and the cut at the end."""
    codec, folder = exported
    card = json.loads((folder / export.CARD).read_text())
    clip, codes = torch.from_numpy(tone(330, 0.8)), codec.encode(tone(330, 0.8))
    gain = 1.0
    if card["level_db"] is not None:
        gain = 10 ** (card["level_db"] / 20) / float(clip.square().mean().sqrt())
    padded = torch.nn.functional.pad(clip * gain, (0, -len(clip) % card["block_samples"]))
    words = run(folder / export.ENCODER, padded[None, None])
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(words, codes.scales, strict=True))
    (wave,) = run(folder / export.DECODER, *map(torch.from_numpy, words))
    expected = codec.decode(codes, seed=None).numpy()
    difference = wave[..., : len(clip)] / gain - expected
    assert np.linalg.norm(difference) < 5e-3 * np.linalg.norm(expected)  # a pitch is rounded
    assert codec.config.decoder == "spectral" or np.abs(difference).max() < TOLERANCE


def test_the_card_tells_what_the_graphs_take_and_give(exported: tuple[LLMCodec, Path]) -> None:
    codec, folder = exported
    card = json.loads((folder / export.CARD).read_text())
    assert card["fingerprints"]["weights"] == codec.fingerprint and card["noise"] == "off"
    for name in (export.ENCODER, export.DECODER):
        session = onnxruntime.InferenceSession(folder / name)
        for kind, ports in (("inputs", session.get_inputs()), ("outputs", session.get_outputs())):
            seen = [(port.name, port.shape) for port in ports]
            assert seen == [(port["name"], port["shape"]) for port in card[name][kind]]


def test_the_command_writes_three_files_and_none_twice(
    exported: tuple[LLMCodec, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, folder = exported
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert sorted(before) == ["codec.json", "decoder.onnx", "encoder.onnx"]
    assert main(["export", "pocket", "--out", str(folder)]) == 1
    assert "holds an export; give --force" in capsys.readouterr().err
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['onnxscript'] = None; from llm_codec import LLMCodec, export; "
        f"export.export(LLMCodec.tiny(), {str(tmp_path / 'out')!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'llm-codec[export]'" in done.stderr
    assert not (tmp_path / "out").exists()
