"""Scores count what was right, a model that knows nothing is at chance, records hold all of it."""

import json
import math

import numpy as np
import pytest
import torch

from icl import cli
from icl.evaluation.score import cluster_bootstrap
from icl.llm import as_llm
from icl.llm.client import Client, ServerError
from icl.llm.dummy import UniformLLM
from icl.llm.server import ServerLLM
from icl.llm.text_server import TextServerLLM
from icl.probe import battery
from icl.probe.battery import CELLS, Cell, agreed, ask, flips
from icl.probe.prose import perplexity
from icl.probe.questions import Question, last_of, matching
from icl.probe.record import Record, Score
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


@pytest.fixture
def few_cells(monkeypatch) -> list[str]:
    """A battery of two cells, one of free answers and one of choices."""
    cells = {"copy": Cell(last_of("repetition", 4, 40)), "match": Cell(matching(2, 1, 8))}
    monkeypatch.setattr(battery, "CELLS", cells)
    return list(cells)


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


def test_texts_of_free_answers_are_drawn_whole(world, llm):
    score = ask(llm, world, Cell(last_of("repetition", 8, 40)), 100, seed=0)
    assert len(score.texts) >= 40 and np.sum(score.texts, axis=0).tolist() == [score.right, score.n]
    assert score.to_dict()["texts"] == len(score.texts)
    halves = Score(200, 400, texts=((20, 20), (0, 20)) * 10)  # tokens of a text fall alike
    assert halves.interval == cluster_bootstrap(halves.texts)
    low, high = halves.interval
    alone = Score(200, 400).interval
    assert high - low > 3 * (alone[1] - alone[0]) and low < 0.5 < high
    assert Score(400, 400, texts=((20, 20),) * 20).interval == Score(20, 20).interval


def test_a_server_is_asked_to_write_free_answers(server, tokenizer, llama):
    llm = ServerLLM(Client(server.url), "tiny", tokenizer, 512)
    prefix = (0, 5, 9, 30)
    first = int(server.log_probs([*prefix])[-1].argmax())
    assert agreed(llm, Question(prefix, answer=(first,))) == 1
    assert agreed(llm, Question(prefix, answer=((first + 1) % len(tokenizer),))) == 0
    text = TextServerLLM(Client(server.url), "tiny", tokenizer, 512)
    with pytest.raises(ServerError, match="needs? a server that takes token ids.*--cells"):
        agreed(text, Question(prefix, answer=(first,)))


def test_the_command_takes_a_server(server, llm, few_cells, tmp_path, monkeypatch, capfd):
    server.model, server.tokenizer = llm.model, llm.tokenizer
    remote = ServerLLM(Client(server.url), "tiny", llm.tokenizer, 2048)
    monkeypatch.setattr("icl.llm.as_llm", lambda given: remote)
    (tmp_path / "one.txt").write_text("prose that no server can be asked about")
    argv = ["probe", server.url, "--n", "1", "--text", tmp_path, "--json", tmp_path / "r.json"]
    assert cli.main([*map(str, argv)]) == 0
    found = json.loads((tmp_path / "r.json").read_text())
    assert {*few_cells} < {*found["cells"]} and found["prose"] == {}
    assert found["cells"]["copy"]["texts"] == 40 and found["cells"]["match"]["texts"] is None


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
               "all of the birds began to sing in the trees by the river." + " It ran." * (n % 37)
               for n in range(100)]
    (tmp_path / "one.txt").write_text("\n\n<|doc|>\n".join(stories))
    nats = size = 0
    for text in (stories[49], stories[99]):
        ids = [llm.tokenizer.bos_token_id, *llm.tokenizer.encode(text, add_special_tokens=False)]
        with torch.no_grad():
            rows = llm.model(torch.tensor([ids])).logits[0].log_softmax(-1)
        nats -= sum(rows[place, token].item() for place, token in enumerate(ids[1:]))
        size += len(ids) - 1
    words = len(f"{stories[49]} {stories[99]}".split())
    assert perplexity(llm, tmp_path, 1000) == pytest.approx({
        "words": words, "perplexity a word": math.exp(nats / words),
        "perplexity a token": math.exp(nats / size),
    })


def test_a_probe_changes_no_weight(llm, world, few_cells, weights_fingerprint):
    before = weights_fingerprint(llm.model)
    record = Record("abc", "icl probe x", 0, 2)
    battery.run(llm, world, battery.CELLS, record)
    assert {*few_cells} < {*record.cells} and weights_fingerprint(llm.model) == before


def test_cells_are_kept_where_prose_cannot_be_read(few_cells, tmp_path, capfd):
    (tmp_path / "one.txt").write_text("too little to hold any of it out")
    argv = ["probe", "pocket", "--n", "1", "--text", tmp_path, "--json", tmp_path / "r.json"]
    assert cli.main([*map(str, argv)]) == 1
    out, err = capfd.readouterr()
    assert "no held-out document" in err and err.count("\n") == 1
    assert all(name in out for name in few_cells)
    assert {*few_cells} < {*json.loads((tmp_path / "r.json").read_text())["cells"]}


@pytest.mark.parametrize(("more", "code", "says"), [
    (["--text", "{0}"], 1, "no .txt or .txt.xz file"),
    (["--json", "{0}/gone/r.json"], 2, "its folder does not exist"),
    (["--cells", "category 2-way 4-shot", "--text", "{0}"], 2, "needs a --text folder"),
])
def test_what_cannot_be_done_is_said_before_the_work(
    more, code, says, tmp_path, capfd, monkeypatch
):
    monkeypatch.setattr(battery, "run", lambda *_: pytest.fail("questions were asked"))
    assert cli.main(["probe", "pocket", *(part.format(tmp_path) for part in more)]) == code
    err = capfd.readouterr().err
    assert says in err and err.count("\n") == 1


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


def test_copying_is_of_as_many_words_as_it_says(world):
    for number in range(5):
        question = CELLS["copy 256 words"].make(world, (0, number))
        assert len(question.answer) == 256
        assert question.prefix[len(world.begin) :][:256] == question.answer


def test_a_cell_that_does_not_fit_is_left_out_and_the_others_kept(world, llm, monkeypatch):
    cells = {"long": Cell(matching(5, 5, 48)), "short": Cell(matching(2, 1, 8))}
    few, record = UniformLLM(llm.vocab_size, 1024, llm.tokenizer), Record("x", "x", 0, 5)
    battery.run(few, world, cells, record, orders=False)
    assert [*record.cells] == ["short"] and "context 1024" in record.left_out["long"]
    assert "left out: a question has" in record.table()


def test_what_was_answered_is_kept_where_a_model_fails_on_the_way(
    few_cells, tmp_path, monkeypatch, capfd
):
    def fails(llm, question):
        raise ServerError("gone")

    monkeypatch.setattr(battery, "choose", fails)
    argv = ["probe", "pocket", "--n", "1", "--json", tmp_path / "r.json"]
    assert cli.main([*map(str, argv)]) == 1
    assert "gone" in capfd.readouterr().err
    assert [*json.loads((tmp_path / "r.json").read_text())["cells"]] == few_cells[:1]
