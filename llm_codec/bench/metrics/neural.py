"""Measures that need weights of their own: UTMOS, DNSMOS, word error rate, speaker similarity."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from llm_codec.bench.metrics import RATE, Undefined
from llm_codec.bench.needs import needs

WINDOW = 30  # seconds; of what is longer a Whisper must be asked for times, to go on

Part = Callable[[np.ndarray], Mapping[str, float]]


@dataclass(frozen=True)
class Wanted:
    """What was asked for; an empty one costs nothing.

    Args:
        utmos: TorchScript file that maps (1, S) at 16 kHz to a score.
        dnsmos: whether to score with the package speechmos, which brings the weights.
        whisper: folder or hub id of a speech recogniser of transformers.
        speaker: folder or hub id of an x-vector model of transformers, such as a WavLM.
    """

    utmos: str = ""
    dnsmos: bool = False
    whisper: str = ""
    speaker: str = ""

    def load(self) -> Measures | None:
        """The models, or None if nothing is wanted.

        Raises:
            ImportError: a package is missing.
            OSError, RuntimeError, ValueError: weights are missing or of another kind.
        """
        return Measures(self) if self != Wanted() else None


class Measures:
    """Loaded models.

    Args:
        wanted: which.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.parts: dict[str, Any] = {}
        if wanted.utmos:
            self.parts["utmos"] = Utmos(wanted.utmos)
        if wanted.dnsmos:
            self.parts["dnsmos"] = Dnsmos()
        if wanted.whisper:
            self.parts["wer"] = WordErrors(wanted.whisper)
        if wanted.speaker:
            self.parts["speaker"] = Speaker(wanted.speaker)

    def measures(self, reference: np.ndarray, transcript: str) -> dict[tuple[str, ...], Part]:
        """Measures against one clip (S,), by name; `Undefined` where a model cannot take it."""
        def against(name: str, part: Any) -> Part:
            measure = functools.cache(lambda: part.against(reference, transcript))

            def guarded(decoded: np.ndarray) -> dict[str, float]:
                try:
                    return {name: measure()(decoded)}
                except (ValueError, RuntimeError) as error:
                    raise Undefined(" ".join(str(error).split())) from error

            return guarded

        return {(name,): against(name, part) for name, part in self.parts.items()}


class Utmos:
    """UTMOS (Saeki et al. 2022): predicted naturalness, 1 to 5, of the reconstruction alone.

    Args:
        path: TorchScript file, (1, S) float32 at 16 kHz -> one score.
    """

    def __init__(self, path: str) -> None:
        try:
            self.model = torch.jit.load(path, map_location="cpu").eval()
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{path} is not a TorchScript file") from error

    def against(self, reference: np.ndarray, transcript: str) -> Callable[[np.ndarray], float]:
        """The measure; the clip plays no part."""
        return self.score

    @torch.inference_mode()
    def score(self, decoded: np.ndarray) -> float:
        """Score of a reconstruction (S,)."""
        return float(self.model(torch.from_numpy(decoded)[None]).reshape(-1)[0])


class Dnsmos:
    """DNSMOS P.835 OVRL (Reddy et al. 2022), 1 to 5, by the package speechmos."""

    def __init__(self) -> None:
        self.package = needs("speechmos.dnsmos", "dnsmos")

    def against(self, reference: np.ndarray, transcript: str) -> Callable[[np.ndarray], float]:
        """The measure; the clip plays no part."""
        return lambda decoded: self.package.run(np.clip(decoded, -1, 1), sr=RATE)["ovrl_mos"]


class WordErrors:
    """Word error rate of a recogniser on the reconstruction, 0 upwards.

    What was said is the transcript, or else what the recogniser hears in the clip itself.

    Args:
        name: folder or hub id, such as ``openai/whisper-base``.
    """

    def __init__(self, name: str) -> None:
        from transformers import pipeline
        from transformers.models.whisper.english_normalizer import BasicTextNormalizer

        self.pipe = pipeline("automatic-speech-recognition", model=name, device="cpu")
        self.plain = BasicTextNormalizer()
        self.errors = needs("jiwer").wer

    def against(self, reference: np.ndarray, transcript: str) -> Callable[[np.ndarray], float]:
        """The measure for one clip."""
        said = self.plain(transcript or self.heard(reference)).strip()

        def measure(decoded: np.ndarray) -> float:
            if not said:
                raise Undefined("no words in the clip")
            return self.errors(said, self.plain(self.heard(decoded)).strip())

        return measure

    def heard(self, wave: np.ndarray) -> str:
        """Text of (S,)."""
        long = self.pipe.type == "seq2seq_whisper" and len(wave) > WINDOW * RATE
        told = {"return_timestamps": True} if long else {}
        return self.pipe({"raw": wave, "sampling_rate": RATE}, **told)["text"]


class Speaker:
    """Cosine between x-vectors of the clip and of the reconstruction, -1 to 1.

    Args:
        name: folder or hub id, such as ``microsoft/wavlm-base-plus-sv``.
    """

    def __init__(self, name: str) -> None:
        from transformers import AutoFeatureExtractor, AutoModelForAudioXVector

        self.features = AutoFeatureExtractor.from_pretrained(name)
        self.model = AutoModelForAudioXVector.from_pretrained(name).eval()

    def against(self, reference: np.ndarray, transcript: str) -> Callable[[np.ndarray], float]:
        """The measure for one clip."""
        try:
            wanted = self.vector(reference)
        except RuntimeError:  # too short for the model's convolutions
            wanted = None

        def measure(decoded: np.ndarray) -> float:
            if wanted is None:
                raise Undefined("the clip is too short for the speaker model")
            return float(torch.cosine_similarity(wanted, self.vector(decoded), dim=-1))

        return measure

    @torch.inference_mode()
    def vector(self, wave: np.ndarray) -> torch.Tensor:
        """X-vector of (S,)."""
        inputs = self.features(wave, sampling_rate=RATE, return_tensors="pt")
        return self.model(**inputs).embeddings[0]
