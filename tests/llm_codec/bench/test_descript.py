"""descript-audio-codec by its interface: the package itself does not install beside this torch."""

from __future__ import annotations

import sys
import types

import pytest
import torch
from torch import nn

from llm_codec.bench import codecs
from llm_codec.bench.codecs import packages


class Books(nn.Module):
    """Stands for the quantiser: a code is the level of a hop, another what that leaves over."""

    def from_codes(self, codes):
        steps = torch.tensor([1 / 8, 1 / 64])[: codes.shape[1], None]
        return ((codes - 8) * steps).sum(dim=1, keepdim=True), None, None


class DAC(nn.Module):
    """Stands for `dac.DAC`: the methods and attributes that are used, in its shapes."""

    def __init__(self, sample_rate: int = 16000, n_codebooks: int = 2) -> None:
        super().__init__()
        self.sample_rate, self.n_codebooks, self.codebook_size = sample_rate, n_codebooks, 16
        self.scale = nn.Parameter(torch.ones(1))
        self.quantizer = Books()

    def preprocess(self, wave, sample_rate):
        assert sample_rate == self.sample_rate
        return nn.functional.pad(wave, (0, -wave.shape[-1] % 4))

    def encode(self, wave, n_quantizers):
        means = wave.unflatten(-1, (-1, 4)).mean(dim=-1)
        coarse = (means * 8).round()
        fine = ((means - coarse / 8) * 64).round()
        codes = torch.cat([coarse, fine], dim=1)[:, :n_quantizers].clamp(-8, 7).long() + 8
        return None, codes, None, None, None

    def decode(self, latent):
        return latent.repeat_interleave(4, dim=-1) * self.scale


@pytest.fixture
def weights(monkeypatch, tmp_path):
    """A file as the package writes it, and a module in the package's place."""
    module = types.ModuleType("dac")
    module.DAC = DAC
    monkeypatch.setitem(sys.modules, "dac", module)
    monkeypatch.setattr(packages, "_version", lambda name: f"{name} 1.0.0")
    kwargs = {"sample_rate": 16000, "n_codebooks": 2}
    content = {"state_dict": DAC().state_dict(), "metadata": {"kwargs": kwargs}}
    torch.save(content, tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


def test_each_codebook_brings_the_sound_nearer(weights):
    wave = (0.5 * torch.sin(torch.arange(1001) / 50)).numpy()
    errors = []
    for count in (1, 2):
        codec = codecs.load(f"dac:{weights}@{count}")
        encoded = codec.encode(wave)
        assert [len(scale) for scale in encoded.codes] == [251] * count
        assert encoded.bits == 8 * -(-count * 251 * 4 // 8)  # whole bytes a clip
        decoded = codec.decode(encoded, len(wave))
        assert decoded.shape == wave.shape
        errors.append(abs(decoded - wave)[:1000].max())  # whole hops
    assert errors[1] < errors[0] / 2
    assert codec.describe()["package"] == "descript-audio-codec 1.0.0"


def test_all_codebooks_are_sent_unless_told(weights):
    assert codecs.load(f"dac:{weights}").codebook_sizes == (16, 16)
    with pytest.raises(codecs.SpecError, match="1 to 2 codebooks"):
        codecs.load(f"dac:{weights}@3")


def test_a_file_that_would_run_code_is_refused(weights):
    torch.save({"metadata": {"kwargs": {}}, "state_dict": DAC()}, weights)
    with pytest.raises(codecs.SpecError, match="holds no weights"):
        codecs.load(f"dac:{weights}")


def test_a_file_that_is_not_there_says_how_to_fetch_it(weights):
    with pytest.raises(codecs.Missing, match="python -m dac download"):
        codecs.load("dac:/no/weights.pth")
