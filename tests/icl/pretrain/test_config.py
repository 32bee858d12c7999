"""A recipe is read whole or refused in one line."""

import json

import pytest

from icl.pretrain.config import PretrainConfig

REQUIRED = {"text": "t", "words": "w", "out": "o"}


@pytest.fixture
def write(tmp_path):
    def to_file(values):
        path = tmp_path / "recipe.json"
        path.write_text(values if isinstance(values, str) else json.dumps(values), "utf-8")
        return path

    return to_file


def test_keyword_arguments_win_over_the_file(write):
    config = PretrainConfig.load(write(REQUIRED | {"steps": 7}), out="elsewhere")
    assert (config.text, config.out, config.steps, config.rows) == ("t", "elsewhere", 7, 32)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("{not json", "is not JSON"),
        ("[1, 2]", "not a JSON object"),
        (REQUIRED | {"stepz": 1}, "unknown keys.*stepz"),
        ({"text": "t"}, "lacks.*out.*words"),
        (REQUIRED | {"steps": "many"}, "steps.*'many'"),
        (REQUIRED | {"games": []}, "games"),
        (REQUIRED | {"games": {"chess": 1}}, "chess"),
        (REQUIRED | {"games": {}}, "games"),
        (REQUIRED | {"heads": 2}, "heads"),
        (REQUIRED | {"width": 64}, "width"),
        (REQUIRED | {"layers": 1}, "layers"),
        (REQUIRED | {"save_every": 100, "refresh": 250}, "save_every.*refresh"),
    ],
)
def test_a_bad_recipe_says_what_is_wrong(write, values, message):
    with pytest.raises(ValueError, match=message):
        PretrainConfig.load(write(values))
