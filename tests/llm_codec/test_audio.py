"""Audio in and out: formats, rates, channels, and everything that is not audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from llm_codec import LLMCodec, atomic, audio
from llm_codec.audio import AudioError

RATE = 16000


def tone(seconds: float = 0.25, rate: int = RATE, hertz: float = 440.0) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE, **kwargs: str) -> Path:
    soundfile.write(path, samples, rate, **kwargs)
    return path


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_load_resamples_and_keeps_the_tone(tmp_path: Path, rate: int) -> None:
    clip = audio.load(write(tmp_path / "a.wav", tone(rate=rate), rate))
    assert clip.dtype == np.float32 and clip.ndim == 1
    assert abs(len(clip) - RATE // 4) <= 1
    middle = slice(500, 3500)  # the ends ring
    assert np.abs(clip[middle] - tone()[middle]).max() < 0.01


def test_load_averages_channels(tmp_path: Path) -> None:
    channels = np.stack([tone() * scale for scale in np.linspace(0, 1, 8)], axis=1)
    clip = audio.load(write(tmp_path / "a.wav", channels))
    assert np.allclose(clip, tone() / 2, atol=1e-4)


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3"])
def test_load_reads_other_formats(tmp_path: Path, suffix: str) -> None:
    clip = audio.load(write(tmp_path / f"a{suffix}", tone(0.5)))
    assert abs(len(clip) - RATE // 2) < 3000 and 0.4 < np.abs(clip).max() < 0.6


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 96000])
def test_load_keeps_at_least_one_sample(tmp_path: Path, rate: int) -> None:
    clip = audio.load(write(tmp_path / "a.wav", np.full(1, 0.5, np.float32), rate))
    assert len(clip) >= 1 and np.isfinite(clip).all()


def test_load_stays_in_range(tmp_path: Path) -> None:
    loud = write(tmp_path / "a.wav", tone() * 4, subtype="FLOAT")
    assert np.abs(audio.load(loud)).max() == 1.0


def broken_files(folder: Path) -> dict[str, Path]:
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("this is no sound\n" * 9)
    (folder / "raw.raw").write_bytes(bytes(100))
    write(folder / "none.wav", np.zeros(0, np.float32))
    write(folder / "nan.wav", np.array([0.1, np.nan, np.inf], np.float32), subtype="FLOAT")
    return {path.stem: path for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty", "is an empty file"),
        ("text", "cannot be read as audio"),
        ("raw", "cannot be read as audio"),
        ("none", "holds no samples"),
        ("nan", "holds 2 NaN or infinite samples"),
    ],
)
def test_load_names_the_file_and_the_fault(tmp_path: Path, name: str, message: str) -> None:
    path = broken_files(tmp_path)[name]
    with pytest.raises(AudioError, match=message) as caught:
        audio.load(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_load_of_nothing_and_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="does not exist"):
        audio.load(tmp_path / "missing.wav")
    with pytest.raises(AudioError, match="is a folder"):
        audio.load(tmp_path)


@pytest.mark.parametrize("shape", [(4000,), (1, 4000), (2, 4000), (1, 1, 4000)])
@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_prepare_takes_every_shape(shape: tuple[int, ...], kind) -> None:
    samples = np.broadcast_to(tone(), shape).copy()
    [clip] = audio.prepare(kind(samples))
    assert clip.dtype == torch.float32 and clip.shape == (4000,)
    assert np.allclose(clip, tone(), atol=1e-6)


def test_prepare_splits_batches_and_lists(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(rate=8000), 8000)
    clips = audio.prepare([path, str(path), tone(), torch.zeros(3, 1, 50)])
    assert [len(clip) for clip in clips] == [4000, 4000, 4000, 50, 50, 50]


def test_prepare_resamples_arrays_not_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone())
    clips = audio.prepare([tone(rate=8000), path], sample_rate=8000)
    assert [len(clip) for clip in clips] == [4000, 4000]
    assert len(audio.prepare(tone(), target_rate=8000)[0]) == 4000  # None: already at the target


@pytest.mark.parametrize(
    ("dtype", "samples", "expected"),
    [
        (np.int16, [-(2**15), 0, 2**14], [-1.0, 0.0, 0.5]),
        (np.int32, [-(2**31), 0, 2**30], [-1.0, 0.0, 0.5]),
        (np.uint8, [0, 128, 192], [-1.0, 0.0, 0.5]),
        (np.float64, [-1, 0, 0.5], [-1.0, 0.0, 0.5]),
    ],
)
def test_prepare_scales_integers(dtype: type, samples: list, expected: list[float]) -> None:
    array = np.array(samples, dtype)
    for item in (array, torch.from_numpy(array)):
        assert audio.prepare(item)[0].tolist() == expected


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ([], "no audio was given"),
        (3.5, "audio is a float"),
        ([0.1, 0.2], "audio is a float"),
        (np.zeros(()), r"expected \(S,\)"),
        (np.zeros(0), "no samples"),
        (np.zeros((2, 3, 4)), "must be mono"),
        (np.zeros((1, 1, 1, 4)), r"expected \(S,\)"),
        (np.zeros((4000, 2)), "transpose it"),
        (np.array([0.0, np.nan]), "1 NaN"),
        (torch.tensor([1.0, float("inf")]), "1 NaN or infinite"),
        (np.zeros(5, np.int64), "audio of type int64"),
        (np.zeros(5, bool), "audio of type bool"),
    ],
)
def test_prepare_refuses_what_is_no_audio(item: object, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        audio.prepare(item)


@pytest.mark.parametrize("rate", [-8, 0, 1, 10**9])
def test_rates_that_no_sound_has_are_refused(rate: int) -> None:
    with pytest.raises(AudioError, match=f"says {rate} Hz; expected 1000 to 1000000 Hz"):
        audio.prepare(tone(), sample_rate=rate)


def test_silence_encodes_but_can_be_refused() -> None:
    silent = np.zeros(100, np.float32)
    assert len(audio.prepare(silent)) == 1
    with pytest.raises(AudioError, match="door.wav is silent"):
        audio.require_sound(silent, "door.wav")
    audio.require_sound(torch.from_numpy(tone()), "door.wav")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
@pytest.mark.parametrize("shape", [(4000,), (1, 4000), (1, 1, 4000)])
def test_save_then_load_is_within_half_a_step(
    tmp_path: Path, suffix: str, shape: tuple[int, ...]
) -> None:
    path = tmp_path / f"a{suffix}"
    audio.save(path, torch.from_numpy(tone()).reshape(shape))
    assert soundfile.info(path).subtype == "PCM_16"
    assert np.abs(audio.load(path) - tone()).max() <= 0.5 / 2**15
    assert list(tmp_path.iterdir()) == [path]


def test_save_clips(tmp_path: Path) -> None:
    audio.save(tmp_path / "a.wav", np.array([3.0, -3.0, 0.0]))
    assert audio.load(tmp_path / "a.wav").tolist() == [1 - 2**-15, -1.0, 0.0]


@pytest.mark.parametrize(
    ("name", "wave", "message"),
    [
        ("a.mp3", np.zeros(5), "expected .wav or .flac"),
        ("a", np.zeros(5), "expected .wav or .flac"),
        ("a.wav", np.zeros((2, 5)), r"one mono clip can be saved, got shape \(2, 5\)"),
        ("a.wav", np.zeros(0), "no samples"),
        ("a.wav", np.full(5, np.nan), "5 NaN"),
    ],
)
def test_save_refuses(tmp_path: Path, name: str, wave: np.ndarray, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        audio.save(tmp_path / name, wave)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    audio.save(path, tone())
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        audio.save(path, np.zeros(9))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_device_is_not_replaced_by_a_file() -> None:
    with pytest.raises(OSError, match="not a regular file"):
        atomic.write_bytes("/dev/null", b"")
    assert Path("/dev/null").is_char_device()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere/a.wav"):
        audio.save(tmp_path / "nowhere" / "a.wav", tone())


def test_a_file_that_is_read_meanwhile_is_not_blamed_on_the_one_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="clip.wav"), atomic.writing(tmp_path / "bank.pcm"):
        (tmp_path / "clip.wav").read_bytes()
    assert not [*tmp_path.iterdir()]


def test_a_rate_of_zero_is_refused(codec: LLMCodec) -> None:
    with pytest.raises(AudioError, match="0"):
        codec.encode(tone(), sample_rate=0)
