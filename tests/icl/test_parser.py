"""Wrong use is one line and exit code 2; ``--debug`` adds where the error came from."""

import pytest

from icl import cli
from icl.parser import Parser, UsageError, at_least


def refused(argv: list[str], capsys: pytest.CaptureFixture) -> tuple[int, str]:
    code = cli.main(argv)
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["sing"],
        ["classify"],
        ["classify", "a.wav", "--example", "b.wav=one", "--support", "folder"],
        ["evaluate", "nothing"],
        ["evaluate", "fsdd", "--ways", "1"],
        ["evaluate", "fsdd", "--json", "nowhere/record.json"],
        ["bench", "--ways", "11"],
        ["bench", "--ways", "1"],
        ["bench", "--json", "nowhere/b.json"],
        ["pretrain"],
        ["pretrain", "recipe.json", "--steps", "many"],
    ],
)
def test_wrong_use_is_one_line_and_code_2(argv, capsys):
    code, err = refused(argv, capsys)
    assert code == 2 and err.startswith("icl: error: ") and err.count("\n") == 1


@pytest.mark.parametrize("argv", [
    ["--debug", "evaluate", "x"], ["evaluate", "x", "--debug"], ["--debug", "probe"],
    ["--debug", "pretrain"],
])
def test_debug_adds_the_traceback_wherever_it_stands(argv, capsys):
    code, err = refused(argv, capsys)
    assert code == 2 and err.startswith("Traceback") and "\nicl: error: " in err


def test_debug_may_stand_before_commands_with_a_parser_of_their_own(monkeypatch):
    asked = []
    monkeypatch.setattr("icl.bench.main", lambda argv: asked.append(argv) or 0)
    assert cli.main(["--debug", "bench"]) == cli.main(["bench", "--ways", "3", "--debug"]) == 0
    assert asked == [[], ["--ways", "3", "--debug"]]


def test_an_interruption_is_one_line(monkeypatch, capsys):
    def interrupted(argv):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupted)
    assert refused(["evaluate", "fsdd"], capsys) == (130, "icl: error: interrupted\n")


@pytest.mark.parametrize("argv", [["--help"], ["evaluate", "--help"], ["pretrain", "--help"]])
def test_help_is_no_error(argv, capsys):
    assert cli.main(argv) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("usage: icl") and captured.err == ""


def test_numbers_have_a_least_value():
    parser = Parser(prog="icl")
    parser.add_argument("--ways", type=at_least(2))
    assert parser.parse_args(["--ways", "2"]).ways == 2
    for given in ("1", "-3", "2.5", "two", ""):
        with pytest.raises(UsageError, match="2 or more"):
            parser.parse_args([f"--ways={given}"])
