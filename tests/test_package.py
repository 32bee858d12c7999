"""What setup.cfg promises holds: packages, commands, dependencies; and the house keeps its size."""

import ast
import configparser
import importlib
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
IMPORT_NAMES = {  # others: dashes to underlines
    "descript-audio-codec": "dac", "llm-codec": "llm_codec", "praat-parselmouth": "parselmouth",
    "scikit-learn": "sklearn",
}
OWN = {"llm_codec", "icl", "demos"}
SOURCES = sorted(path for name in OWN for path in (ROOT / name).rglob("*.py"))
OPTIONAL = {"sklearn"}  # looked at only where a user of scikit-learn has imported it
HEAVY = ("gradio", "pesq", "audiotools", "dac", "torchaudio", "httpx", "openai", "matplotlib",
         "scipy", "pystoi", "parselmouth", "accelerate", "onnx", "onnxscript", "onnxruntime")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def listed(section: str, key: str) -> list[str]:
    return SETUP[section][key].split()


def import_names(requirements: list[str]) -> set[str]:
    """Modules that requirements such as `torch>=2.4` bring."""
    names = (re.match(r"[\w-]+", requirement)[0] for requirement in requirements)
    return {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names}


def imported(path: Path) -> set[str]:
    """Top-level names of everything a file imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module.split(".")[0])
    return names


def foreign(paths: list[Path]) -> dict[str, str]:
    """Third-party module: a file that imports it."""
    found = {name: relative(path) for path in paths for name in imported(path)}
    return {k: v for k, v in found.items() if k not in sys.stdlib_module_names and k not in OWN}


def functions() -> list[ast.FunctionDef]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES)
    return [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]


def public_without_docstring(path: Path) -> list[str]:
    """Module, public classes, functions and methods of a file that say nothing of themselves."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    missing = [] if ast.get_docstring(tree) else ["module"]
    scopes = [tree, *(n for n in tree.body if isinstance(n, ast.ClassDef))]
    for node in (child for scope in scopes for child in scope.body):
        named = isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
        if named and node.name != "forward" and not ast.get_docstring(node):  # its class says it
            missing.append(node.name)
    return missing


def test_pyproject_holds_only_the_build_system():
    assert set(tomllib.loads((ROOT / "pyproject.toml").read_text())) == {"build-system"}


def test_every_package_is_listed():
    found = {
        relative(path.parent).replace("/", ".")
        for name in ("llm_codec", "icl")
        for path in (ROOT / name).rglob("__init__.py")
    }
    assert found | {"llm_codec_checkpoints"} == set(listed("options", "packages"))


def test_packages_are_typed():
    for name in ("llm_codec", "icl"):
        assert (ROOT / name / "py.typed").is_file()
        assert "py.typed" in listed("options.package_data", name)


def test_version_can_be_read_without_importing():
    version = next(
        ast.literal_eval(node.value)
        for node in ast.parse((ROOT / "llm_codec/__init__.py").read_text()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__version__"
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", version)


@pytest.mark.parametrize("command", ["llm-codec", "icl"])
def test_commands_lead_somewhere(command):
    entries = dict(
        line.split(" = ")
        for line in SETUP["options.entry_points"]["console_scripts"].strip().splitlines()
    )
    module, attribute = entries[command].split(":")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_every_import_of_the_packages_is_declared():
    extras = ("adversary", "bench", "export", "server", "train")
    base = import_names(listed("options", "install_requires"))
    bench = import_names(listed("options.extras_require", "bench"))
    late = set().union(*(import_names(listed("options.extras_require", name)) for name in extras))
    paths = [path for path in SOURCES if not relative(path).startswith("demos/")]
    inner = [path for path in paths if relative(path).startswith("llm_codec/bench/")]
    found = foreign([path for path in paths if path not in inner])
    assert not {k: v for k, v in found.items() if k not in base | late | OPTIONAL}
    assert not {k: v for k, v in foreign(inner).items() if k not in base | bench}


def test_what_the_benchmark_imports_by_name_is_declared():
    sources = [path.read_text("utf-8") for path in (ROOT / "llm_codec/bench").rglob("*.py")]
    pattern = re.compile(r'needs\("([\w.]+)"(?:, "(\w+)")?')
    calls = [call for text in sources for call in pattern.findall(text)]
    assert calls
    for module, extra in calls:
        declared = import_names(listed("options.extras_require", extra or "bench"))
        assert module.partition(".")[0] in declared


def test_every_import_of_demos_and_tests_is_declared():
    base = listed("options", "install_requires")
    extras = SETUP["options.extras_require"]
    known = import_names(base + extras["playground"].split())
    assert set(foreign([p for p in SOURCES if relative(p).startswith("demos/")])) <= known
    listed_there = [extras[name] for name in ("test", "bench", "export", "train")]
    known |= import_names(" ".join(listed_there).split()) | {"gradio_client"}  # comes with gradio
    local = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {"tests"}
    assert set(foreign(sorted((ROOT / "tests").rglob("*.py")))) - local <= known


def test_the_codec_knows_nothing_of_its_users():
    for path in (ROOT / "llm_codec").rglob("*.py"):
        assert not imported(path) & {"icl", "demos"}, relative(path)


@pytest.mark.parametrize("package", ["llm_codec", "icl", "llm_codec.cli", "icl.cli"])
def test_import_is_light(package):
    code = f"import sys, {package}; print(*(n for n in {HEAVY!r} if n in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_files_are_short():
    paths = [*SOURCES, *(ROOT / "tests").rglob("*.py")]
    lengths = {relative(path): len(path.read_text().splitlines()) for path in paths}
    assert not {path: lines for path, lines in lengths.items() if lines > 250}


def test_functions_are_short():
    lines = sorted(node.end_lineno - node.lineno + 1 for node in functions())
    assert statistics.median(lines) <= 12
    assert lines[int(0.95 * len(lines))] <= 45


def test_lines_are_at_most_100_wide():
    paths = [*SOURCES, *(ROOT / "tests").rglob("*.py")]
    wide = [
        f"{relative(path)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if len(line) > 100
    ]
    assert not wide


def test_public_names_have_docstrings():
    missing = {relative(path): public_without_docstring(path) for path in SOURCES}
    assert not {path: names for path, names in missing.items() if names}
