"""Batches have one size, their targets are what the games say, and text is text."""

import numpy as np
import pytest
import torch

from icl.pretrain.batches import game_batch, prose_batch
from icl.pretrain.games import GAMES, Game
from icl.pretrain.strings import Noise

SHARES = dict.fromkeys(GAMES, 1.0)
FULL = Noise(spread=0.6, shared=0.4, stretch=0.3, shift=0.25, jitter=0.25)


@pytest.fixture
def games(make_table):
    return game_batch(make_table(3, noise=FULL), SHARES, rows=24, bos=1, pad=0)


def test_prose_is_stretches_of_the_corpus():
    corpus = np.arange(500, dtype=np.uint16)
    batch = prose_batch(corpus, rows=6, length=20, rng=np.random.default_rng(0), bos=1000)
    assert batch.input_ids.shape == batch.target.shape == (6, 20)
    assert batch.input_ids.dtype == torch.int64 and batch.target.dtype == torch.bool
    assert (batch.input_ids[:, 0] == 1000).all()
    assert (batch.input_ids[:, 1:].diff(dim=1) == 1).all()
    assert not batch.target[:, 0].any() and batch.target[:, 1:].all()


def test_games_begin_alike_and_are_padded_to_one_size(games):
    assert games.input_ids.shape == games.target.shape == (24, 161)
    assert (games.input_ids[:, 0] == 1).all() and not games.target[:, 0].any()
    for row, target in zip(games.input_ids, games.target, strict=True):
        size = int((row != 0).sum())
        assert (row[:size] != 0).all() and (row[size:] == 0).all()
        assert not target[size:].any()


def test_most_texts_ask_something(games):
    assert games.target.any(dim=1).float().mean() > 0.9


def test_rows_are_text(games, tokenizer):
    for row in games.input_ids:
        text = tokenizer.decode(row[row != 0][1:].tolist())
        assert text and "<pad>" not in text and "<s>" not in text


def test_shares_decide_which_games_are_played(make_table, monkeypatch):
    played = []

    class Counted(Game):
        def __init__(self, name, game):
            self.name, self.game = name, game

        def write(self, table):
            played.append(self.name)
            return self.game.write(table)

    for name, game in list(GAMES.items()):
        monkeypatch.setitem(GAMES, name, Counted(name, game))
    game_batch(make_table(0), {"repetition": 3, "lookup": 1}, rows=200, bos=1, pad=0)
    assert set(played) == {"repetition", "lookup"}
    assert 0.65 < played.count("repetition") / len(played) < 0.85


def test_a_text_too_long_is_cut(make_table):
    table = make_table(0, length=(40, 40), tokens=20)
    batch = game_batch(table, {"rules": 1, "lookup": 1}, rows=6, bos=1, pad=0)
    assert batch.input_ids.shape == (6, 21) and (batch.input_ids != 0).any(dim=1).all()
