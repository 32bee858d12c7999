"""Scores count what was right, a model that knows nothing is at chance, records hold all of it."""

import json

import pytest

from icl import cli
from icl.llm import as_llm
from icl.llm.dummy import UniformLLM
from icl.probe.battery import CELLS, Cell, Record, Score, agreed, ask, flips
from icl.probe.prose import perplexity
from icl.probe.questions import Question, last_of, matching
from icl.probe.world import World


@pytest.fixture(scope="module")
def llm():
    return as_llm("pocket")


@pytest.fixture(scope="module")
def world(llm) -> World:
    names = [llm.tokenizer.decode([token]) for token in range(len(llm.tokenizer))]
    words = [name.strip() for name in names if name.startswith(" ") and name.strip().isalpha()]
    return World.of(llm, words, [])


@pytest.fixture(scope="module")
def knows_nothing(llm) -> UniformLLM:
    return UniformLLM(llm.vocab_size, 8192, llm.tokenizer)


class Oracle(UniformLLM):
    """Answers as the questions that were made say."""

    def score(self, prefix, continuations):
        return [float(number == self.right[tuple(prefix)]) for number in range(len(continuations))]


def test_an_interval_lies_around_the_accuracy():
    score = Score(right=90, n=100)
    low, high = score.interval
    assert 0.82 < low < score.accuracy == 0.9 < high < 0.95
    assert score.to_dict()["interval"] == [round(low, 4), round(high, 4)]


def test_a_model_that_knows_nothing_is_at_chance(world, knows_nothing):
    score = ask(knows_nothing, world, Cell(matching(2, 1, 8)), 200, seed=0)
    assert score.n == 200 and score.chance == 0.5 and score.oracle > 0.8
    assert score.interval[0] < 0.5 < score.interval[1]


def test_a_model_that_knows_all_is_right(world, knows_nothing, llm):
    made = matching(5, 1, 8)
    oracle = Oracle(llm.vocab_size, 8192, llm.tokenizer)
    oracle.right = {}

    def note(world, seed):
        question = made(world, seed)
        oracle.right[question.prefix] = question.right
        return question

    cell = Cell(note, target=0.9, of_oracle=True)
    score = ask(oracle, world, cell, 20, seed=0)
    assert score.accuracy == 1 and score.target == pytest.approx(0.9 * score.oracle)


def test_free_answers_are_counted_by_tokens(world, llm, knows_nothing):
    score = ask(llm, world, Cell(last_of("repetition", 8, 40)), 100, seed=0)
    assert score.n >= 100 and score.chance is None and score.oracle is None
    assert agreed(knows_nothing, Question((1, 5), answer=(0, 0, 7))) == 2  # greedy takes token 0


def test_a_model_that_knows_nothing_never_changes_its_mind(world, knows_nothing):
    scores = flips(knows_nothing, world, 10, seed=0)
    assert {score.right for score in scores.values()} == {0} and len(scores) == 3


def test_every_cell_has_questions(world):
    for name, cell in CELLS.items():
        if not name.startswith("category"):
            question = cell.make(world, (0, 0))
            assert len(question.prefix) + len(question.answer) <= 2048, name
            assert question.choices or question.answer


def test_a_record_is_a_table_and_json(tmp_path):
    record = Record("abc", "icl probe x", 0, 10, {"cell": Score(9, 10, 0.5, 0.8, 0.7)},
                    {"perplexity a word": 99.0})
    record.save(tmp_path / "r.json")
    read = json.loads((tmp_path / "r.json").read_text())
    assert read["kind"] == "probe" and read["cells"]["cell"]["accuracy"] == 0.9
    (row,) = (line for line in record.table().splitlines() if "90.0" in line)
    assert row.split()[1:] == ["90.0", "59.6", "to", "98.2", "10", "50.0", "80.0", "70.0"]


def test_perplexity_is_that_of_held_out_documents(llm, tmp_path):
    stories = [f"The dog number {n} ran to the old house and slept there until the sun came up and "
               "all of the birds began to sing in the trees by the river." for n in range(100)]
    (tmp_path / "one.txt").write_text("\n\n<|doc|>\n".join(stories))
    found = perplexity(llm, tmp_path, 1000)
    assert found["words"] == 2 * len(stories[49].split())
    assert 1 < found["perplexity a token"] <= found["perplexity a word"] < 1e5


def test_the_command_prints_a_table_and_writes_a_record(tmp_path, capfd):
    cell = "match 2-way 1-shot, 8 words"
    argv = ["probe", "pocket", "--n", "3", "--cells", cell, "--json", str(tmp_path / "r.json")]
    assert cli.main(argv) == 0
    assert cell in capfd.readouterr().out
    assert json.loads((tmp_path / "r.json").read_text())["cells"][cell]["n"] == 3


@pytest.mark.parametrize("argv", [["--cells", "chess"], ["--text", "nowhere"], ["--n", "0"]])
def test_wrong_use_is_one_line(argv, capfd):
    assert cli.main(["probe", "pocket", *argv]) == 2
    assert capfd.readouterr().err.count("\n") == 1
