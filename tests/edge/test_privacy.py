from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROGRAM = """
import sys

def told(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        sys.stderr.write(f"{event} {arguments}\\n")

sys.addaudithook(told)
from edge.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_replay_opens_no_connection_and_leaves_nothing_in_the_home_directory(
    make_recording: Callable[..., Path], model_directory: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    arguments = ["replay", "--json", "--models", str(model_directory), str(make_recording())]
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert list(home.iterdir()) == []
