"""Every shell and Python block of README.md is run; its set-up commands are those of .ci/run."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
SHELL = [text for language, text in BLOCKS if language == "sh"]
PYTHON = [text for language, text in BLOCKS if language == "python"]
# Recognised but not run here: .ci/run makes the environments, and the network is not for tests.
SET_UP = ("python3 -m venv ", ". .venv/bin/activate", "pip install ", "pytest", "git clone ")
DIGITS = "zero one two three four five six seven eight nine".split()

needs_pair = pytest.mark.skipif(
    not all((ROOT / "checkpoints/pocket" / part).is_dir() for part in ("codec", "llm")),
    reason="checkpoints/pocket is not there yet",
)


def commands(block: str) -> list[str]:
    """Single commands of a shell block: continued lines joined, lists split at `&&`."""
    lines = re.sub(r"(&&) \\\n|\\\n", r"\1 ", block).splitlines()
    parts = (part.strip() for line in lines for part in line.split("&&"))
    return [part for part in parts if part and not part.startswith("#")]


def is_set_up(command: str) -> bool:
    return command.startswith(SET_UP)


def stand_in_digits(folder: Path) -> None:
    """Lay shipped clips out as the public digit recordings are, in place of cloning them."""
    folder.mkdir(parents=True)
    for clip in (ROOT / "demos/examples/digits").glob("*/*.flac"):
        speaker, take = clip.stem.rsplit("-", 1)
        name = f"{DIGITS.index(clip.parent.name)}_{speaker}_{int(take) - 1}.wav"
        soundfile.write(folder / name, *soundfile.read(clip))


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory) -> dict:
    """Keyword arguments of `subprocess.run`: a folder with the clips, and both commands on PATH."""
    home = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(ROOT / "demos", home / "demos")
    stand_in_digits(home / "free-spoken-digit-dataset/recordings")
    for name, module in (("icl", "icl.cli"), ("llm-codec", "llm_codec.cli")):
        script = home / "bin" / name
        script.parent.mkdir(exist_ok=True)
        start = f"import sys; from {module} import main; sys.exit(main())"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{start}" "$@"\n')
        script.chmod(0o755)
    env = os.environ | {
        "PATH": os.pathsep.join(
            (str(home / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])
        ),
        "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False",
    }
    return dict(cwd=home, env=env, capture_output=True, text=True, timeout=300)


def run(newcomer: dict, *command: str) -> str:
    """Output of a command, which must succeed."""
    done = subprocess.run(command, **newcomer)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_shell(newcomer: dict, block: str) -> str:
    """Run a block without its set-up commands; a page that would serve for ever shows its help."""
    wanted = [command for command in commands(block) if not is_set_up(command)]
    script = "\n".join(c + " --help" if "demos.playground" in c else c for c in wanted)
    return run(newcomer, "bash", "-euo", "pipefail", "-c", script)


def test_readme_has_the_two_set_up_commands_first():
    first, second = commands(SHELL[0]), commands(SHELL[1])
    assert first[:3] == ["python3 -m venv .venv", ". .venv/bin/activate", "pip install ."]
    assert first[3].startswith("icl classify demos/examples/") and "--show-prompt" in first[3]
    assert len(first) == 4
    assert second == [". .venv/bin/activate", "pip install '.[test]'", "pytest"]


@pytest.mark.parametrize("number", [1, 2])
def test_ci_runs_these_very_blocks(number):
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert f'bash -euo pipefail -c "$(readme_block {number})"' in ci
    (reader,) = re.findall(r"^readme_block\(\) \{\n.*?^\}", ci, flags=re.MULTILINE | re.DOTALL)
    script = f"{reader}\nreadme_block {number}"
    block = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert block.stdout == SHELL[number - 1]


def test_installed_extras_exist():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    named = {name for block in SHELL for name in re.findall(r"\.\[(\w+)\]", block)}
    assert named <= set(setup["options.extras_require"])
    assert {"test", "playground"} <= named


def test_example_has_eight_lines():
    assert len(PYTHON[0].splitlines()) == 8


def test_linked_files_and_clips_exist():
    paths = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    paths += re.findall(r"demos/examples/[\w/.-]+\.flac", README)
    missing = [path for path in set(paths) if not (ROOT / path).exists()]
    if missing == ["checkpoints/README.md"] and not (ROOT / "checkpoints/pocket").exists():
        pytest.skip("checkpoints is not there yet")
    assert not missing


@needs_pair
def test_first_answer(newcomer):
    output = run_shell(newcomer, SHELL[0])
    rows = re.findall(r"^\s*(three|seven)\s+([01]\.\d+)", output, flags=re.MULTILINE)
    assert {label for label, _ in rows} == {"three", "seven"}
    assert sum(float(chance) for _, chance in rows) == pytest.approx(1, abs=0.01)
    assert len(output.split()) > 20  # the prompt as words


@needs_pair
@pytest.mark.parametrize("block", SHELL[1:], ids=lambda block: commands(block)[-1][:40])
def test_shell_block(newcomer, block):
    output = run_shell(newcomer, block)
    assert output or all(map(is_set_up, commands(block)))


@needs_pair
@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.splitlines()[0])
def test_python_block(newcomer, block):
    assert run(newcomer, sys.executable, "-c", block)
