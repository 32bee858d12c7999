"""The quick-start notebook holds no outputs, follows README.md, and its cells run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOK = json.loads((ROOT / "notebooks/quickstart.ipynb").read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def test_no_outputs_are_stored():
    cells = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)


def test_it_is_the_example_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r"^```python\n(.*?)^```$", readme, flags=re.MULTILINE | re.DOTALL)[1]
    lines = {line for cell in CODE for line in cell.splitlines()}
    for line in example.splitlines()[:-2]:  # the last two print what cells print one by one
        assert line in lines or not line, line


@pytest.mark.skipif(
    not all((ROOT / "checkpoints/pocket" / part).is_dir() for part in ("codec", "llm")),
    reason="checkpoints/pocket is not there yet",
)
def test_cells_run_from_the_notebook_folder():
    env = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(CODE)], cwd=ROOT / "notebooks", env=env,
        capture_output=True, text=True, timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "['three']" in done.stdout or "['seven']" in done.stdout
