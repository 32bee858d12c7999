"""Memory, number formats and compilation: what a codec costs, not what it says."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from llm_codec import LLMCodec, Vocabulary, quantizer

WAVEFORM = {"encoder": "waveform", "decoder": "waveform"}


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)


@pytest.fixture(params=[{}, WAVEFORM], ids=["spectral", "waveform"])
def shared(request: pytest.FixtureRequest, tmp_path: Path, vocabulary: Vocabulary) -> Path:
    """A codec whose two fast scales have equal tables, as a folder."""
    codec = LLMCodec.tiny(vocabulary, **request.param)
    books = codec.quantizer.codebooks
    books[2].table = books[1].table.clone()
    codec.quantizer.prepare()
    codec.save_pretrained(tmp_path)
    return tmp_path


def test_equal_tables_are_held_once(shared: Path, tmp_path: Path) -> None:
    codec = LLMCodec.from_pretrained(shared)
    slow, middle, fast = codec.quantizer.codebooks
    for name in ("table", "keys", "offsets"):
        places = {getattr(book, name).data_ptr() for book in (slow, middle, fast)}
        assert len(places) == 2
    codec.save_pretrained(tmp_path / "again", dtype=None)
    again = LLMCodec.from_pretrained(tmp_path / "again")
    assert again.encode(noise(9000)) == codec.encode(noise(9000))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_number_formats_run(shared: Path, dtype: torch.dtype) -> None:
    exact, other = LLMCodec.from_pretrained(shared), LLMCodec.from_pretrained(shared, dtype=dtype)
    assert {weight.dtype for weight in other.decoder.parameters()} == {dtype}
    assert other.fingerprint == exact.fingerprint
    codes = exact.encode(noise(9000))
    found = other.encode(noise(9000))
    assert [scale.shape for scale in found.scales] == [scale.shape for scale in codes.scales]
    for codec in (exact, other):
        if codec.config.decoder == "spectral":  # pitches of random weights lie far apart
            codec.decoder.pitch.project.bias[0] = -20.0
    wave, expected = other.decode(codes), exact.decode(codes)
    assert wave.dtype == torch.float32
    assert (wave - expected).norm() < 0.1 * expected.norm()
    assert dtype != torch.float64 or found == codes


def test_the_search_holds_a_bounded_number_of_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    latent, keys = torch.randn(50, 4), torch.randn(10, 4)
    expected, offsets = (latent @ keys.T).argmax(dim=-1), torch.zeros(10)
    product, held = torch.Tensor.__matmul__, []

    def watched(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        held.append(len(one) * other.shape[1])
        return product(one, other)

    monkeypatch.setattr(torch.Tensor, "__matmul__", watched)
    for scores in (10, 25, 10**6):  # not less than one row has
        monkeypatch.setattr(quantizer, "SEARCH_SCORES", scores)
        monkeypatch.setattr(quantizer, "SEARCH_KEYS", 5)
        monkeypatch.setattr(quantizer, "SEARCH_ROWS", scores // 5)
        assert torch.equal(quantizer.nearest(latent, keys, offsets), expected)
        assert torch.equal(quantizer.nearest_and_lead(latent, keys, offsets)[0], expected)
        assert sum(held) == 2 * 50 * 10 and max(held) <= scores
        held.clear()


layouts = pytest.mark.parametrize("layout", [{}, WAVEFORM], ids=["spectral", "waveform"])


def assert_compiles(layout: dict, backend: str) -> None:
    """Whole blocks there and back in one graph each, with what is given without compiling."""
    codec = LLMCodec.tiny(**layout)

    def encode(wave: torch.Tensor) -> list[torch.Tensor]:
        return codec.quantizer(codec.latent(wave)).codes

    def decode(codes: list[torch.Tensor]) -> torch.Tensor:
        return codec.decoder(codec.quantizer.decode(codes))

    wave = torch.from_numpy(noise(2 * codec.config.block_samples))[None, None]
    with torch.no_grad():
        codes = torch.compile(encode, backend=backend, fullgraph=True)(wave)
        assert all(map(torch.equal, codes, encode(wave)))
        sound = torch.compile(decode, backend=backend, fullgraph=True)(codes)
        plain = decode(codes)  # high harmonics make much of the rounding of a pitch
        assert (sound - plain).norm() < 1e-3 * plain.norm()


@layouts
def test_it_compiles_in_one_graph(layout: dict) -> None:
    assert_compiles(layout, "aot_eager")


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("c++") or shutil.which("g++")), reason="no C++ compiler")
@layouts
def test_it_compiles_to_machine_code(layout: dict) -> None:
    assert_compiles(layout, "inductor")


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), "cuda"])
def test_it_runs_where_it_is_told_to(shared: Path, device: str | torch.device) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    codec = LLMCodec.from_pretrained(shared, device=device)
    places = {value.device.type for value in codec.state_dict().values()}
    assert places == {torch.device(device).type}
    codes = codec.encode(noise(9000))
    assert codes.scales[0].device.type == codec.decode(codes).device.type == "cpu"
    with pytest.raises(RuntimeError):
        LLMCodec.from_pretrained(shared, device="nowhere")
