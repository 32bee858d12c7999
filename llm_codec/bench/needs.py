"""Packages that only the benchmark needs, imported when they are first used."""

from __future__ import annotations

import importlib
from types import ModuleType


def needs(module: str, extra: str = "bench") -> ModuleType:
    """Imports a module of an optional extra.

    Raises:
        ImportError: it is not installed; the message says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} is not installed: pip install 'llm-codec[{extra}]'"
        ) from error
