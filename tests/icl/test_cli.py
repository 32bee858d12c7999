"""The command line: an answer on stdout, or one line on stderr and an exit code."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile


def assert_one_line(err: str) -> None:
    assert err.startswith("icl: error: ") and err.count("\n") == 1 and "Traceback" not in err


def test_the_answer_is_a_label_and_the_probability_of_each(classify, tone_file):
    code, out, err = classify(tone_file(320))
    assert (code, err) == (0, "")
    first, *rows = out.splitlines()
    label = first.split(": ")[1]
    shown = {name: float(value) for name, value in map(str.split, rows)}
    assert set(shown) == {"one", "two"} and label == max(shown, key=shown.get)
    assert sum(shown.values()) == pytest.approx(1.0, abs=0.002)


def test_json_is_one_object_per_query(classify, tone_file):
    code, out, err = classify(
        tone_file(320), tone_file(1400), more=("--json", "--show-prompt")
    )
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and len(answers) == 2
    assert set(answers[0]) == {"query", "label", "probabilities", "prompt"}


def test_the_prompt_is_shown_as_words(classify, tone_file):
    _, out, _ = classify(tone_file(320), more=("--show-prompt",))
    assert " one:" in out and " two:" in out


def test_a_support_folder_has_one_sub_folder_per_label(pair, tone_file, tmp_path, icl):
    for label, hertz in (("one", 300), ("two", 1500)):
        (tmp_path / "support" / label).mkdir(parents=True)
        tone_file(hertz, folder=tmp_path / "support" / label)
    argv = ["classify", str(tone_file(320)), "--support", str(tmp_path / "support")]
    argv += ["--codec", str(pair / "codec"), "--llm", str(pair / "llm")]
    code, out, _ = icl(argv)
    assert code == 0 and "one" in out and "two" in out


def test_how_examples_are_shown_can_be_chosen(classify, tone_file):
    examples = [f"{tone_file(300 * n, n / 10)}={('one', 'two')[n % 2]}" for n in range(2, 6)]
    more = ("--choose", "balanced", "--per-label", "1", "--show-prompt", "--order", "given")
    code, out, err = classify(tone_file(320), examples=examples, more=more)
    assert (code, err) == (0, "") and out.count(" one:") == out.count(" two:") == 1
    more = ("--orders", "2", "--calibrate", "contextual", "--template", "pocket-last")
    code, out, err = classify(tone_file(320), examples=examples, more=more)
    assert (code, err) == (0, "") and "one" in out and "two" in out


def test_how_sure_it_is_can_be_fitted_on_the_examples(classify, tone_file):
    examples = [f"{tone_file(200 + 70 * n, n / 20)}={('one', 'two')[n % 2]}" for n in range(2, 12)]
    ask = partial(classify, tone_file(320), examples=examples)
    usual, fitted = (json.loads(ask(more=("--orders", "1", "--json", *more))[1])
                     for more in ((), ("--temperature", "fit")))
    assert fitted["label"] == usual["label"]
    assert fitted["probabilities"] != usual["probabilities"]


def missing(folder: Path) -> Path:
    return folder / "missing.wav"


def empty(folder: Path) -> Path:
    (folder / "empty.wav").touch()
    return folder / "empty.wav"


def text(folder: Path) -> Path:
    (folder / "text.wav").write_text("this is no audio\n" * 50)
    return folder / "text.wav"


def one_sample(folder: Path) -> Path:
    soundfile.write(folder / "one.wav", np.array([0.5]), 16000)
    return folder / "one.wav"


def silent(folder: Path) -> Path:
    soundfile.write(folder / "silent.wav", np.zeros(8000), 16000)
    return folder / "silent.wav"


def nans(folder: Path) -> Path:
    soundfile.write(folder / "nan.wav", np.full(8000, np.nan), 16000, subtype="FLOAT")
    return folder / "nan.wav"


@pytest.mark.parametrize("make", [missing, empty, text, one_sample, silent, nans])
@pytest.mark.parametrize("role", ["query", "example"])
def test_a_bad_clip_is_one_line_that_names_it(classify, tone_file, tmp_path, make, role):
    bad, good = make(tmp_path), tone_file(320)
    if role == "query":
        code, out, err = classify(bad)
    else:
        code, out, err = classify(good, examples=[f"{bad}=one", f"{good}=two"])
    assert (code, out) == (1, "")
    assert_one_line(err)
    assert bad.name in err


def test_the_other_queries_are_answered_when_one_is_bad(classify, tone_file, tmp_path):
    code, out, err = classify(missing(tmp_path), tone_file(320))
    assert code == 1 and "tone_320.wav: " in out
    assert_one_line(err)


@pytest.mark.parametrize(("rate", "channels"), [(16000, 8), (8000, 1), (96000, 1)])
def test_other_rates_and_channels_work(classify, tone, tmp_path, rate, channels):
    wave = np.stack([tone(400, 0.5, rate)] * channels, axis=1)
    soundfile.write(tmp_path / "other.wav", wave, rate)
    code, out, err = classify(tmp_path / "other.wav")
    assert (code, err) == (0, "") and "other.wav: " in out


def test_one_label_only_is_wrong_use(classify, tone_file):
    code, _, err = classify(tone_file(320), examples=[f"{tone_file(300)}=one"] * 2)
    assert code == 2
    assert_one_line(err)
    assert "'one'" in err


def test_an_example_that_comes_twice_is_one_line(classify, tone_file):
    same = tone_file(300)
    code, _, err = classify(tone_file(320), examples=[f"{same}=one", f"{same}=two"])
    assert code == 1 and "examples 0 and 1 are the same" in err
    assert_one_line(err)


@pytest.mark.parametrize("examples", [[], ["file.wav"], ["=one"], ["file.wav="]])
def test_missing_or_malformed_examples_are_wrong_use(classify, tone_file, examples):
    code, _, err = classify(tone_file(320), examples=examples)
    assert code == 2
    assert_one_line(err)


def test_more_examples_than_the_context_holds_say_how_many_fit(classify, tone_file):
    clips = (tone_file(200 + 9 * number, 0.3 + number / 200) for number in range(120))
    examples = [f"{clip}={('one', 'two')[number % 2]}" for number, clip in enumerate(clips)]
    code, _, err = classify(tone_file(320), examples=examples)
    assert code == 1
    assert_one_line(err)
    assert "holds 512" in err and "of 120 examples fit" in err


def test_debug_adds_the_traceback(classify, tmp_path):
    code, _, err = classify(missing(tmp_path), more=("--debug",))
    assert code == 1 and "Traceback" in err


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["sing"],
        ["classify"],
        ["evaluate", "unknown"],
        ["evaluate", "fsdd", "--ways", "1"],
        ["evaluate", "fsdd", "--shots", "0"],
        ["evaluate", "fsdd", "--shots", "few"],
        ["evaluate", "fsdd", "--template", "none"],
    ],
)
def test_wrong_use_is_one_line(argv, icl):
    code, _, err = icl(argv)
    assert code == 2
    assert_one_line(err)


def test_importing_brings_in_nothing_heavy_and_optional():
    unwanted = "gradio pesq audiotools dac httpx openai sklearn matplotlib"
    code = (
        "import sys, icl, icl.cli, icl.learner, icl.evaluation, icl.report\n"
        f"print([name for name in {unwanted.split()!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
