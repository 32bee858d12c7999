"""A small data folder of the public digits' layout, and tiny models to evaluate on it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from icl.evaluation import Models
from icl.llm.transformers import TransformersLLM


@pytest.fixture
def models(codec, llama, tokenizer) -> Models:
    return Models(codec, TransformersLLM(llama, tokenizer))


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory, tone: Callable) -> Path:
    """Three digits of two speakers, four test takes and two others of each."""
    root = tmp_path_factory.mktemp("digits")
    (root / "recordings").mkdir()
    for digit in range(3):
        for take in (0, 1, 2, 3, 7, 8):
            for speaker, shift in (("ann", 0), ("bob", 60)):
                seconds = 0.3 + take / 100 + shift / 1000  # equal words would be equal examples
                wave = tone(300 * (digit + 1) + 10 * take + shift, seconds, 8000)
                path = root / "recordings" / f"{digit}_{speaker}_{take}.wav"
                soundfile.write(path, wave.astype(np.float32), 8000)
    return root
