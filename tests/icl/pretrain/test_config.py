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
    assert (config.text, config.out, config.steps, config.core) == ("t", "elsewhere", 7, 8)


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
        (REQUIRED | {"width": 64}, "width is 64"),
        (REQUIRED | {"layers": 3}, "layers"),
        (REQUIRED | {"warm": True}, "give its folder as start"),
        (REQUIRED | {"core": 16}, "core"),
        (REQUIRED | {"hidden": 32}, "hidden"),
        (REQUIRED | {"lengths": [4096, 8192]}, "lengths"),
        (REQUIRED | {"vocabulary_size": 70000}, "vocabulary_size"),
        (REQUIRED | {"save_every": 0}, "save_every"),
    ],
)
def test_a_bad_recipe_says_what_is_wrong(write, values, message):
    with pytest.raises(ValueError, match=message):
        PretrainConfig.load(write(values))
