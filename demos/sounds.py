"""Everyday sounds made from numbers alone: eight kinds, each with as many takes as one asks for.

Every function takes a seeded generator and returns float64 (S,) at 16 kHz, not yet levelled. Only
`Generator.random` is drawn from, because its stream is the one numpy promises to keep.
Ours, because recordings would bring licences and hide what is in them.
"""

from collections.abc import Callable

import numpy as np

RATE = 16_000  # Hz
SECONDS = 1.2  # length of every sound


def _time() -> np.ndarray:
    return np.arange(int(RATE * SECONDS)) / RATE  # (S,) seconds


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(rng.random())


def _noise(rng: np.random.Generator, size: int) -> np.ndarray:
    return 2.0 * rng.random(size) - 1.0  # (size,) uniform white, in [-1, 1)


def _tone(frequency: np.ndarray) -> np.ndarray:
    """Sine (S,) whose instantaneous frequency is `frequency` (S,) in Hz."""
    return np.sin(2 * np.pi * np.cumsum(frequency) / RATE)


def _band(noise: np.ndarray, low: float, high: float) -> np.ndarray:
    """Keep `low`..`high` Hz of a signal (S,), with a Gaussian slope of a fifth of each edge."""
    hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
    below = np.exp(-0.5 * (np.minimum(hertz - low, 0) / (0.2 * low + 1)) ** 2)
    above = np.exp(-0.5 * (np.maximum(hertz - high, 0) / (0.2 * high)) ** 2)
    return np.fft.irfft(np.fft.rfft(noise) * below * above, len(noise))


def _strike(start: float, burst: np.ndarray) -> np.ndarray:
    """A clip (S,) of silence with `burst` beginning at `start` seconds, cut at the clip's end."""
    clip = np.zeros_like(_time())
    first = int(start * RATE)
    clip[first : first + len(burst)] = burst[: len(clip) - first]
    return clip


def bell(rng: np.random.Generator) -> np.ndarray:
    """One stroke: inharmonic partials of a church bell, the higher ones dying sooner."""
    time, base = _time(), _between(rng, 520, 760)
    ratios, loudness = (0.5, 1, 1.2, 2, 3.01), (0.4, 1, 0.7, 0.6, 0.3)
    decay = (1.5, 2.5, 3.2, 4.5, 8)  # 1/s
    return sum(
        a * np.exp(-d * time) * np.sin(2 * np.pi * base * r * time)
        for r, a, d in zip(ratios, loudness, decay, strict=True)
    )


def knock(rng: np.random.Generator) -> np.ndarray:
    """Three knocks on wood: a dull resonance and a short thump each."""
    base, gap = _between(rng, 150, 230), _between(rng, 0.22, 0.3)
    time = np.arange(int(0.15 * RATE)) / RATE
    thump = np.sin(2 * np.pi * base * time) + 0.4 * np.sin(2 * np.pi * 2.3 * base * time)
    burst = (thump + 0.5 * _noise(rng, len(time)) * np.exp(-200 * time)) * np.exp(-38 * time)
    return sum(_strike(0.08 + i * gap, burst) for i in range(3))


def clap(rng: np.random.Generator) -> np.ndarray:
    """Four hand claps: bursts of noise between 800 and 3 500 Hz."""
    gap = _between(rng, 0.22, 0.28)
    time = np.arange(int(0.12 * RATE)) / RATE
    strokes = (_band(_noise(rng, len(time)), 800, 3500) * np.exp(-60 * time) for _ in range(4))
    return sum(_strike(0.05 + i * gap, burst) for i, burst in enumerate(strokes))


def siren(rng: np.random.Generator) -> np.ndarray:
    """A wail that sweeps up and down between about 600 and 1 400 Hz."""
    time, speed = _time(), _between(rng, 1.4, 2.2)
    sweep = 1000 - 400 * np.cos(2 * np.pi * speed * time + _between(rng, 0, 1))
    return _tone(sweep) + 0.35 * _tone(2 * sweep) + 0.2 * _tone(3 * sweep)


def rain(rng: np.random.Generator) -> np.ndarray:
    """Steady hiss with drops: noise above 1 kHz and sparse clicks."""
    hiss = _band(_noise(rng, len(_time())), 1200, 7000)
    drops = (rng.random(len(hiss)) < _between(rng, 0.002, 0.004)) * rng.random(len(hiss))
    return hiss + 2.0 * _band(drops, 2000, 6000)


def bird(rng: np.random.Generator) -> np.ndarray:
    """Four chirps that glide upwards around 3 kHz, with a short trill in each."""
    time = np.arange(int(0.16 * RATE)) / RATE
    base, gap = _between(rng, 2400, 3000), _between(rng, 0.26, 0.29)
    glide = base + 6000 * time + 250 * np.sin(2 * np.pi * 30 * time)
    burst = _tone(glide) * np.sin(np.pi * time / 0.16) ** 2
    return sum(_strike(0.05 + i * gap, burst) for i in range(4))


def engine(rng: np.random.Generator) -> np.ndarray:
    """A motor idling: harmonics of its firing rate, shaken by noise."""
    time, rate = _time(), _between(rng, 42, 60)
    wobble = rate * (1 + 0.03 * np.sin(2 * np.pi * 2.5 * time))
    harmonics = sum(_tone(k * wobble) / k**0.7 for k in range(1, 13))
    return harmonics * (1 + 0.5 * _band(_noise(rng, len(time)), 5, 60)) + 0.3 * _band(
        _noise(rng, len(time)), 100, 900
    )


def clock(rng: np.random.Generator) -> np.ndarray:
    """Tick and tock: short clicks of two pitches in turn, four a second."""
    time = np.arange(int(0.04 * RATE)) / RATE
    base, clip = _between(rng, 2000, 2600), np.zeros_like(_time())
    for beat, pitch in enumerate((1.0, 0.8, 1.0, 0.8, 1.0)):
        burst = np.sin(2 * np.pi * base * pitch * time) + 0.5 * _noise(rng, len(time))
        clip += _strike(0.05 + 0.23 * beat, burst * np.exp(-170 * time))
    return clip


SOUNDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    sound.__name__: sound for sound in (bell, bird, clap, clock, engine, knock, rain, siren)
}


def pink(rng: np.random.Generator, size: int) -> np.ndarray:
    """Noise (size,) whose power falls by 3 dB an octave, as in a room or a street."""
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 50.0)  # flat below 50 Hz
    return np.fft.irfft(np.fft.rfft(_noise(rng, size)) / np.sqrt(hertz), size)
