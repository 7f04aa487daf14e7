"""The environment of a child process that finds the project's packages from any folder."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make_environment(*folders: Path, **variables: str) -> dict[str, str]:
    """This process's variables with the project and further folders on `PYTHONPATH`, and others."""
    paths = [*map(str, folders), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | variables
