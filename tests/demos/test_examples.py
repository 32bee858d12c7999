"""The shipped clips are what manifest.csv, SHA256SUMS and the script that made them say."""

import csv
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from demos import make_examples
from demos.sounds import RATE, SOUNDS

EXAMPLES = Path(make_examples.__file__).parent / "examples"
needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed: digits not made again"
)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with open(EXAMPLES / "manifest.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pcm(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int16")[0].astype(int)


def snr_db(clean: np.ndarray, mixed: np.ndarray) -> float:
    """SNR of a mixture that may have been turned down as a whole: project, then compare."""
    signal = clean * (mixed @ clean) / (clean @ clean)
    return float(10 * np.log10((signal @ signal) / np.sum((mixed - signal) ** 2)))


def test_manifest_lists_every_clip_once(rows):
    listed = [row["path"] for row in rows]
    found = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.flac")}
    assert len(listed) == len(set(listed))
    assert set(listed) == found


def test_clips_are_short_16_khz_mono_16_bit(rows):
    for row in rows:
        info = soundfile.info(EXAMPLES / row["path"])
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16"), row["path"]
        assert info.duration == pytest.approx(float(row["seconds"]))
        assert info.duration < 1.5


def test_files_match_their_checksums():
    for line in (EXAMPLES / "SHA256SUMS").read_text().splitlines():
        digest, path = line.split("  ")
        assert hashlib.sha256((EXAMPLES / path).read_bytes()).hexdigest() == digest, path


def test_no_two_clips_are_the_same():
    digests = [line.split()[0] for line in (EXAMPLES / "SHA256SUMS").read_text().splitlines()]
    assert len(digests) == len(set(digests))


def test_licence_size_and_variety(rows):
    assert {(row["source"], row["licence"]) for row in rows} == {("demos-examples", "CC0-1.0")}
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*")) < 3 * 2**20
    assert {r["label"] for r in rows if r["label_kind"] == "digit"} == set(make_examples.DIGITS)
    assert len({r["speaker"] for r in rows if r["label_kind"] == "digit"}) >= 4


def test_noisy_twins_share_pair_label_and_have_the_stated_snr(rows):
    clean = {r["pair"]: r for r in rows if r["pair"] and not r["path"].startswith("noisy/")}
    twins = [row for row in rows if row["path"].startswith("noisy/")]
    assert len(twins) == len(clean) > 0
    for twin in twins:
        source = clean[twin["pair"]]
        assert twin["label"] == source["label"]
        measured = snr_db(pcm(EXAMPLES / source["path"]), pcm(EXAMPLES / twin["path"]))
        assert measured == pytest.approx(make_examples.SNR_DB, abs=1.0), twin["path"]


def assert_same_clips(folder: Path, made: list[make_examples.Row], tolerance: int) -> None:
    for row in made:
        fresh, shipped = pcm(folder / row.path), pcm(EXAMPLES / row.path)
        assert fresh.shape == shipped.shape, row.path
        assert np.abs(fresh - shipped).max() <= tolerance, row.path


def test_sounds_are_made_again_to_the_sample(tmp_path):
    made = make_examples.make_sounds(tmp_path)
    assert len(made) == 2 * len(SOUNDS) * make_examples.SOUND_TAKES
    # One step of 16 bits: processors differ in the last bit of a sine.
    assert_same_clips(tmp_path, made, tolerance=1)


@needs_espeak
def test_digits_are_made_again_to_the_sample(tmp_path, rows):
    made_with = next(row["note"].split()[1] for row in rows if row["label_kind"] == "digit")
    here = make_examples.espeak_version()
    if here != made_with:
        pytest.skip(f"clips were made with espeak-ng {made_with}; this is {here}")
    assert_same_clips(tmp_path, make_examples.make_digits(tmp_path), tolerance=1)


def test_missing_espeak_is_one_clear_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SystemExit) as stop:
        make_examples.main(["--out", str(tmp_path)])
    assert stop.value.code == 2
    assert "apt-get install espeak-ng" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_shipped_clips_are_not_written_over_unless_named(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)  # nothing is made in any case
    with pytest.raises(SystemExit) as stop:
        make_examples.main([])
    assert stop.value.code == 2
    assert "required: --out" in capsys.readouterr().err


def test_takes_of_one_sound_differ():
    for name in SOUNDS:
        first, second = (make_examples.synthesised(name, take) for take in (1, 2))
        assert not np.allclose(first, second), name
