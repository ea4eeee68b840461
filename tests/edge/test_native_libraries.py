from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from edge.sources import gst
from edge.errors import ConfigError
try:
    gst.load()
except ConfigError as error:
    sys.exit(f"skip: {error}")
from edge.models import open_models
from edge.settings import ModelSettings
print(open_models(ModelSettings(directory=Path(sys.argv[1]))).name)
"""


def test_models_open_after_gstreamer_was_loaded(model_directory: Path) -> None:
    """Debian's GStreamer brings a second stack unwinder, which used to end the process here."""
    command = [sys.executable, "-c", PROGRAM, str(model_directory)]
    found = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
    if found.stderr.startswith("skip: "):
        pytest.skip(found.stderr.strip())
    assert (found.returncode, found.stdout) == (0, "brightness\n"), found.stderr
