"""PESQ and STOI as the packages pesq and pystoi compute them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np

from llm_codec.audio import SILENCE
from llm_codec.bench.metrics import RATE, Undefined
from llm_codec.bench.needs import needs

Part = Callable[[np.ndarray], Mapping[str, float]]


def measures(reference: np.ndarray) -> dict[tuple[str, ...], Part]:
    """The four measures against a clip (S,) at 16 kHz, by name."""
    return {
        ("pesq_wb",): lambda decoded: {"pesq_wb": pesq(reference, decoded, "wb")},
        ("pesq_nb",): lambda decoded: {"pesq_nb": pesq(reference, decoded, "nb")},
        ("stoi",): lambda decoded: {"stoi": stoi(reference, decoded)},
        ("estoi",): lambda decoded: {"estoi": stoi(reference, decoded, extended=True)},
    }


def pesq(reference: np.ndarray, decoded: np.ndarray, band: str) -> float:
    """PESQ MOS-LQO, about 1 to 4.6: ITU-T P.862.2 (``wb``) or P.862.1 (``nb``, 300 to 3400 Hz).

    The two are different scales: the narrow band reads higher on the same pair.

    Args:
        reference, decoded: float32 (S,) at 16 kHz.
        band: ``wb`` or ``nb``.

    Raises:
        Undefined: the clip is shorter than a quarter of a second, or has no speech in it, or the
            reconstruction is silent.
    """
    package = needs("pesq")
    _require_sound(reference, decoded)
    try:
        return package.pesq(RATE, reference, decoded, band)
    except (package.PesqError, ValueError) as error:
        reason = error.args[0] if error.args else type(error).__name__
        reason = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise Undefined(reason) from error


def stoi(reference: np.ndarray, decoded: np.ndarray, extended: bool = False) -> float:
    """STOI (Taal et al. 2011), or ESTOI (Jensen and Taal 2016) if ``extended``; up to 1.

    Args:
        reference, decoded: float32 (S,) at 16 kHz.
        extended: which of the two.

    Raises:
        Undefined: less than 30 frames are left after silent ones are dropped, or one is silent.
    """
    package = needs("pystoi")
    _require_sound(reference, decoded)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # else it gives 1e-5, as if it were a score
        try:
            return package.stoi(reference, decoded, RATE, extended=extended)
        except RuntimeWarning as error:
            raise Undefined(str(error).split(".")[0]) from error
        except ValueError as error:  # shorter than one frame
            raise Undefined(f"too short: {error}") from error


def _require_sound(reference: np.ndarray, decoded: np.ndarray) -> None:
    """Both packages divide by the level."""
    for name, wave in (("clip", reference), ("reconstruction", decoded)):
        if np.abs(wave).max() < SILENCE:
            raise Undefined(f"the {name} is silent")
