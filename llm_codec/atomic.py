"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_bytes(path: str | Path, data: bytes | memoryview) -> None:
    """Writes ``data`` beside ``path`` under a temporary name, then renames it into place.

    A full disk, an exception or a kill leaves whatever was at ``path`` before, never half a file.

    Args:
        path: where the file goes; its folder must exist. A symbolic link is followed.
        data: the whole content.

    Raises:
        OSError: the folder is missing or full, or ``path`` is a folder or a device.
    """
    with writing(path) as stream:
        stream.write(data)


def sweep(folder: Path) -> None:
    """Removes what kills left half written at any depth of a folder that nothing else writes to.

    Args:
        folder: may be missing. Links are not followed.
    """
    for left in [*folder.rglob(".*.tmp")]:
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


@contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """The same for a file that is written bit by bit: it appears when the block is left.

    Args:
        path: as for `write_bytes`.

    Yields:
        Binary stream, seekable.

    Raises:
        OSError: the folder is missing or full, or ``path`` is a folder or a device.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():  # a rename would replace /dev/null itself
        raise OSError(f"{path} exists and is not a regular file; give another output path")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "x+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except OSError as error:  # name the file that was asked for, not the temporary one or none
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise  # of another file, that was read meanwhile
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
