"""Word games by name; each is a class in a file of its own."""

from icl.pretrain.games.base import Game, Part, Table, ids
from icl.pretrain.games.categories import Categories
from icl.pretrain.games.cleaning import Cleaning
from icl.pretrain.games.lookup import Lookup
from icl.pretrain.games.matching import Matching
from icl.pretrain.games.numerals import Arithmetic, Counting
from icl.pretrain.games.repetition import Repetition
from icl.pretrain.games.rules import Rules
from icl.pretrain.games.spelling import Spelling

GAMES: dict[str, Game] = {
    "repetition": Repetition(),
    "matching": Matching(),
    "lookup": Lookup(),
    "cleaning": Cleaning(),
    "rules": Rules(),
    "categories": Categories(),
    "spelling": Spelling(),
    "counting": Counting(),
    "arithmetic": Arithmetic(),
}

__all__ = ["GAMES", "Game", "Part", "Table", "ids"]
