"""A small world to train in: a page of text, its words, a tokenizer and a space of strings."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerBase

from icl.pretrain.config import PretrainConfig
from icl.pretrain.formats import MARKS, Speller, read_formats
from icl.pretrain.games import Table
from icl.pretrain.space import WordSpace
from icl.pretrain.strings import Noise, StringMaker
from icl.pretrain.tokenizer import build_tokenizer

TOPICS = (
    "river lake boat fish water stone bridge swim sail shore wave net deep wet tide",
    "bread flour oven bake butter sugar cake spoon bowl warm slice honey salt taste dough",
    "forest tree leaf bird nest branch fox deer path moss green owl root shade acorn",
    "music song drum piano dance sing voice tune loud quiet string choir rhythm note stage",
    "city road train bus shop street tower crowd market park square lamp noise busy tram",
    "winter snow ice coat cold wind frost sled glove storm grey cloud north dark scarf",
)
WORDS = [word for topic in TOPICS for word in topic.split()]  # 90 words, 15 a topic


def stories(seed: int, count: int) -> list[str]:
    """Seeded sentences, each on one topic: words that belong together stand together."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        words = rng.choice(TOPICS[rng.integers(len(TOPICS))].split(), size=8).tolist()
        texts.append(f"The {' '.join(words[:4])}, and the {' '.join(words[4:])}. It is 4 or 12.")
    return texts


@pytest.fixture(scope="session")
def documents() -> list[str]:
    """Sixty short documents."""
    return ["\n".join(stories(seed, 5)) for seed in range(60)]


@pytest.fixture(scope="session")
def tokenizer(documents: list[str]) -> PreTrainedTokenizerBase:
    """A pocket tokenizer in which all of WORDS are single tokens."""
    return build_tokenizer(documents, WORDS, num_words=len(WORDS), size=480, marks=MARKS)


@pytest.fixture(scope="session")
def word_ids(tokenizer: PreTrainedTokenizerBase) -> np.ndarray:
    """Token ids of WORDS, (90,)."""
    return np.array([tokenizer.encode(" " + w, add_special_tokens=False)[0] for w in WORDS])


@pytest.fixture(scope="session")
def space(tokenizer: PreTrainedTokenizerBase, word_ids: np.ndarray) -> WordSpace:
    """WORDS at random points of four directions."""
    rng = np.random.default_rng(0)
    return WordSpace(rng.standard_normal((len(word_ids), 4)), word_ids)


@pytest.fixture
def make_table(space: WordSpace, word_ids: np.ndarray, tokenizer: PreTrainedTokenizerBase):
    """Builds what a game is played with; all examples in the format of that number."""
    spell = Speller(tokenizer)
    formats = read_formats(spell)
    groups = [word_ids[start : start + 15] for start in range(0, 90, 15)]

    def build(seed: int = 0, noise: Noise | None = None, form: int | None = None, **more) -> Table:
        maker = StringMaker(space, np.random.default_rng(seed))
        chosen = formats if form is None else [formats[form]]
        settings = {"length": (3, 8), "tokens": 160, "groups": groups} | more
        return Table(maker, word_ids, chosen, spell, noise or Noise(), **settings)

    return build


@pytest.fixture
def text_folder(tmp_path: Path, documents: list[str]) -> Path:
    """A data folder: two text files, the words, and files that training has no business with."""
    folder = tmp_path / "data"
    folder.mkdir()
    mark = "\n\n<|doc|>\n"
    (folder / "one.txt").write_text(mark.join(documents[:30]), "utf-8")
    (folder / "two.txt.xz").write_bytes(lzma.compress(mark.join(documents[30:]).encode()))
    (folder / "words.tsv").write_text("# words\nword\tline_start\n" + "\t0\n".join(WORDS) + "\t0\n")
    for name in ("clip.wav", "clip.flac", "codes.lcc", "table.tsv.xz", "notes.md"):
        (folder / name).write_bytes(b"not for training")
    return folder


@pytest.fixture
def recipe(text_folder: Path, tmp_path: Path):
    """Builds a recipe of four small steps on `text_folder`."""

    def build(**changes) -> PretrainConfig:
        values = {
            "text": str(text_folder), "words": str(text_folder / "words.tsv"),
            "out": str(tmp_path / "out"), "vocabulary_size": 480, "num_words": len(WORDS),
            "width": 64, "layers": 4, "hidden": 40, "context": 128, "core": 4, "steps": 4,
            "batch_tokens": 192, "lengths": (48, 96), "prose_length": 48, "longest": 6,
            "prose_from": 0.25, "warmup": 2, "save_every": 2,
        }  # fmt: skip
        return PretrainConfig(**values | changes)

    return build
