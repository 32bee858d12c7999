"""Make the clips in demos/examples: spoken digits and everyday sounds, clean and noisy.

    python -m demos.make_examples --out FOLDER

The digits need the `espeak-ng` program (Debian: `apt-get install espeak-ng`). The clips in the
repository are the truth: another version of espeak-ng speaks a little differently.
"""

import argparse
import csv
import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import soundfile
import soxr

from demos.sounds import RATE, SOUNDS, pink

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
VOICES = {  # name in the file: espeak-ng voice with its variant (plain en-gb ignores variants)
    "american-f": "en-us+f2",
    "american-m": "en-us+m1",
    "british-f": "en-gb-x-rp+f4",
    "british-m": "en-gb-x-rp+m3",
    "scottish-m": "en-gb-scotland+m7",
}
TAKES = ((150, 48), (172, 55))  # words a minute and pitch (0-99) of each take of a digit
SOUND_TAKES = 3
SEED = 2024
LEVEL_DB = -22.0  # RMS of the clean clips, dBFS
SNR_DB = 10.0  # of the noisy ones; the noise is pink
GROUPS = {"bird": "animal", "rain": "environment"}  # kind of each sound; the others are objects


@dataclass(frozen=True)
class Row:
    """One line of manifest.csv; paths are relative to the folder of the manifest."""

    path: str
    source: str
    licence: str
    split: str
    label: str
    label_kind: str
    speaker: str
    transcript: str
    seconds: float
    lang: str
    group: str
    pair: str
    orig_rate: int
    note: str


def levelled(wave: np.ndarray) -> np.ndarray:
    """Bring (S,) to LEVEL_DB, or as near as its peak allows below full scale; float64 (S,)."""
    gain = 10 ** (LEVEL_DB / 20) / np.sqrt(np.mean(wave**2))
    return wave * min(gain, 0.97 / np.abs(wave).max())


def noisy(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add pink noise to (S,) at SNR_DB, measured over the whole clip; float64 (S,)."""
    noise = pink(rng, len(wave))
    scale = np.sqrt(np.mean(wave**2) / np.mean(noise**2)) * 10 ** (-SNR_DB / 20)
    mixed = wave + scale * noise
    return mixed * min(1.0, 0.97 / np.abs(mixed).max())


def generator(*names: str) -> np.random.Generator:
    """A generator of one clip's own, so that adding a clip changes no other."""
    digest = hashlib.sha256("/".join((str(SEED), *names)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def trimmed(wave: np.ndarray, margin: float = 0.05) -> np.ndarray:
    """Cut silence (40 dB below the peak) around (S,), leaving `margin` seconds at both ends."""
    loud = np.flatnonzero(np.abs(wave) > 0.01 * np.abs(wave).max())
    pad = int(margin * RATE)
    return np.pad(wave[loud[0] : loud[-1] + 1], pad)


def spoken(word: str, voice: str, speed: int, pitch: int) -> np.ndarray:
    """Let espeak-ng say a word; float64 (S,) at 16 kHz, trimmed and levelled."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "word.wav"
        settings = ["-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(path)]
        subprocess.run(["espeak-ng", *settings, word], check=True)
        wave, rate = soundfile.read(path)
    return levelled(trimmed(soxr.resample(wave, rate, RATE, quality="VHQ")))


def synthesised(name: str, take: int) -> np.ndarray:
    """One take of a sound of `demos.sounds`; float64 (S,) at 16 kHz, levelled."""
    wave = SOUNDS[name](generator("sound", name, str(take)))
    fade = np.minimum(1.0, np.arange(len(wave), 0, -1) / (0.05 * RATE))  # no click at the end
    return levelled(wave * fade)


def espeak_version() -> str:
    """Version of the installed espeak-ng, as in `1.51`; FileNotFoundError without it."""
    said = subprocess.run(["espeak-ng", "--version"], check=True, capture_output=True, text=True)
    return said.stdout.split(":")[1].split()[0]


def write(folder: Path, path: str, wave: np.ndarray) -> float:
    """Write (S,) as 16-bit FLAC under `folder`; returns its length in seconds."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(target, np.round(wave * 32767).astype(np.int16), RATE, subtype="PCM_16")
    return len(wave) / RATE


def pair_rows(folder: Path, path: str, wave: np.ndarray, add_noise: bool, **about) -> list[Row]:
    """Write a clip and, if asked, its noisy twin, which is joined to it by the `pair` column."""
    pair = path.removesuffix(".flac").replace("/", "-") if add_noise else ""
    common = dict(
        source="demos-examples", licence="CC0-1.0", split="demo", pair=pair, orig_rate=RATE, **about
    )
    rows = [Row(path=path, seconds=write(folder, path, wave), **common)]
    if add_noise:
        twin = f"noisy/{path}"
        seconds = write(folder, twin, noisy(wave, generator("noise", path)))
        common["note"] += f"; pink noise at {SNR_DB:g} dB SNR"
        common["group"] = "noisy_speech" if about["group"] == "speech" else about["group"]
        rows.append(Row(path=twin, seconds=seconds, **common))
    return rows


def make_digits(folder: Path) -> list[Row]:
    """Ten digits by every voice, two takes each; the first take also with noise."""
    version, rows = espeak_version(), []
    for word in DIGITS:
        for name, voice in VOICES.items():
            for take, (speed, pitch) in enumerate(TAKES, start=1):
                rows += pair_rows(
                    folder, f"digits/{word}/{name}-{take}.flac", spoken(word, voice, speed, pitch),
                    add_noise=take == 1, label=word, label_kind="digit", speaker=f"espeak-{name}",
                    transcript=word, lang="en", group="speech",
                    note=f"espeak-ng {version} -v {voice} -s {speed} -p {pitch}",
                )
    return rows


def make_sounds(folder: Path) -> list[Row]:
    """Every sound of `demos.sounds` in three takes, clean and noisy."""
    rows = []
    for name in SOUNDS:
        for take in range(1, SOUND_TAKES + 1):
            rows += pair_rows(
                folder, f"sounds/{name}/{take}.flac", synthesised(name, take), add_noise=True,
                label=name, label_kind="sound_class", speaker="", transcript="", lang="",
                group=GROUPS.get(name, "object"), note="synthesised",
            )
    return rows


def write_manifest(folder: Path, rows: list[Row]) -> None:
    """Write manifest.csv and SHA256SUMS (checked by `sha256sum -c SHA256SUMS`)."""
    with open(folder / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(row) for row in rows)
    sums = (f"{hashlib.sha256((folder / r.path).read_bytes()).hexdigest()}  {r.path}" for r in rows)
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")


def main(argv: list[str] | None = None) -> None:
    """Write all clips, manifest.csv and SHA256SUMS below --out."""
    parser = argparse.ArgumentParser(prog="python -m demos.make_examples", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    folder = parser.parse_args(argv).out
    if shutil.which("espeak-ng") is None:
        parser.error("espeak-ng is not installed (Debian: apt-get install espeak-ng)")
    write_manifest(folder, make_digits(folder) + make_sounds(folder))


if __name__ == "__main__":
    main()
