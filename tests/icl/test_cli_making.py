"""``icl enhance``, ``icl speak`` and ``icl tasks``: a file and a line, or a line on stderr."""

import json

import pytest
import soundfile

from icl import jobs, tasks


@pytest.fixture
def enhance(icl, pair, tone_file, tmp_path):
    """Runs ``icl enhance`` with one good pair unless told otherwise."""
    examples = [f"{tone_file(300)}={tone_file(310)}"]

    def run(*more, query=tone_file(500, 0.3), out=tmp_path / "out.wav", examples=examples):
        pairs = [part for example in examples for part in ("--example", example)]
        models = ["--codec", pair / "codec", "--llm", pair / "llm"]
        return icl(["enhance", query, "-o", out, *pairs, *models, *more])

    return run


@pytest.fixture
def speak(icl, pair, tone_file, tmp_path):
    def run(*more, text="one", out=tmp_path / "out.wav"):
        examples = (f"one={tone_file(300, 0.2)}", f"two={tone_file(900, 0.2)}")
        pairs = [part for example in examples for part in ("--example", example)]
        return icl(["speak", text, "-o", out, *pairs, "--codec", pair / "codec",
                    "--llm", pair / "llm", *more])

    return run


def assert_one_line(err: str) -> None:
    assert err.startswith("icl: error: ") and err.count("\n") == 1 and "Traceback" not in err


def test_enhance_writes_a_sound_as_long_as_its_query(enhance, tmp_path):
    code, out, err = enhance()
    assert (code, err) == (0, "") and "out.wav: 0.30 s" in out
    wave, rate = soundfile.read(tmp_path / "out.wav")
    assert (rate, wave.shape) == (16000, (4800,))


def test_the_seed_decides_the_file(enhance, tmp_path):
    names = ["a.wav", "b.wav", "c.wav"]
    for name, seed in zip(names, "112", strict=True):
        assert enhance("--seed", seed, out=tmp_path / name)[0] == 0
    a, b, c = ((tmp_path / name).read_bytes() for name in names)
    assert a == b != c


def test_speak_says_a_text_or_a_sum(speak, tmp_path):
    code, out, _ = speak("--json", "--show-prompt", "--best-of", "2", text="1 + 1")
    made = json.loads(out)
    assert code == 0 and made["seconds"] == pytest.approx(0.2) and made["seed"] == 0
    assert made["prompt"].endswith(" 1 + 1:")
    assert len(soundfile.read(tmp_path / "out.wav")[0]) == 3200
    assert speak("--seconds", "0.5", "--force")[0] == 0
    assert len(soundfile.read(tmp_path / "out.wav")[0]) == 8000


def test_a_file_that_is_there_is_kept_unless_forced(enhance, tmp_path):
    (tmp_path / "out.wav").write_text("mine")
    code, _, err = enhance()
    assert code == 2 and "--force" in err
    assert_one_line(err)
    assert (tmp_path / "out.wav").read_text() == "mine"
    assert enhance("--force")[0] == 0


@pytest.mark.parametrize(("more", "code", "says"), [
    (["--example", "nothing"], 2, "NOISY=CLEAN"),
    (["--temperature", "-1"], 2, "temperature is -1"),
    (["--top-p", "2"], 2, "top_p is 2"),
    (["--seconds", "0"], 2, "seconds is 0"),
    (["--scales", "9"], 2, "scales is 9"),
    (["--choose", "balanced"], 2, "per_label is None"),
    (["--seed", "x"], 2, "--seed"),
])
def test_wrong_use_is_one_line_and_no_file(enhance, tmp_path, more, code, says):
    seen, out, err = enhance(*more)
    assert (seen, out) == (code, "") and says in err
    assert_one_line(err)
    assert not (tmp_path / "out.wav").exists()


def test_bad_files_are_one_line_and_no_file(enhance, tmp_path, tone_file):
    for settings, says in [
        ({"query": tmp_path / "missing.wav"}, "missing.wav"),
        ({"examples": [f"{tone_file(300)}={tmp_path / 'gone.wav'}"]}, "gone.wav"),
        ({"out": tmp_path / "out.txt"}, ".wav or .flac"),
        ({"out": tmp_path / "no" / "out.wav"}, "folder does not exist"),
    ]:
        code, out, err = enhance(**settings)
        assert code in (1, 2) and out == "" and says in err
        assert_one_line(err)
    assert not list(tmp_path.glob("out*"))


def test_tasks_lists_what_can_be_evaluated_and_made(icl):
    code, out, _ = icl(["tasks"])
    assert code == 0
    for name in (*tasks.TASKS, *jobs.JOBS):
        assert f"  {name} " in out
    listed = json.loads(icl(["tasks", "--json"])[1])
    assert set(listed["make"]) == set(jobs.JOBS) and all(listed["make"].values())
