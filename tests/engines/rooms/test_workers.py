from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="needs scipy (the extra train)")
pytest.importorskip("cv2", reason="needs cv2")
pytest.importorskip("moderngl", reason="needs moderngl (the extra train)")
pytest.importorskip("mujoco", reason="needs mujoco (the extra train)")
pytest.importorskip("foxglove", reason="needs foxglove")

import engines
from edge.sources.recording import Recording
from edge.values import Stream
from engines.rooms.bodies import rooms_file
from engines.rooms.plan import ClipPlan, clip_plans
from engines.rooms.renderer import Renderer, RenderError
from engines.rooms.workers import make_clips
from engines.rooms.write import truth_path


def why_not() -> str | None:
    if shutil.which("espeak-ng") is None:
        return "needs espeak-ng"
    if rooms_file("bodies.npz") is None:
        return "needs bodies.npz (built at the first: python -m engines rooms)"
    try:
        Renderer(32, 24).__exit__()
    except RenderError as error:
        return str(error)
    return None


@pytest.fixture(autouse=True)
def rendering_works() -> None:
    if reason := why_not():
        pytest.skip(reason)


def test_one_and_two_workers_make_the_same_clips(tmp_path: Path) -> None:
    plans = [ClipPlan(i, label, "test", 5, 1.0) for i, label in enumerate(("empty", "walk"))]
    for name, workers in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        assert len(list(make_clips(plans, tmp_path / name, workers))) == 2
    for plan in plans:
        one, two = plan.path(tmp_path / "one"), plan.path(tmp_path / "two")
        assert truth_path(one).read_text() == truth_path(two).read_text()
        assert Recording(one).digest == Recording(two).digest
        assert Recording(one).streams == frozenset(Stream)


def test_ctrl_c_leaves_whole_files_only(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "engines", "rooms", "--out", str(tmp_path), "--clips", "60"]
    process = subprocess.Popen(
        [*command, "--duration", "2"],
        cwd=Path(engines.__file__).parents[1],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # started in the background of a script, the tests would hand down a SIGINT that is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("*.mcap")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the parent and its workers
    assert process.wait(timeout=60) == 130
    made = sorted(tmp_path.glob("*.mcap"))
    assert 0 < len(made) < 60
    assert not list(tmp_path.glob("*.part"))
    for path in made:
        assert Recording(path).streams == frozenset(Stream)
        assert truth_path(path).exists()
    rows = (tmp_path / "manifest.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == [path.name for path in made]


def test_a_killed_worker_is_noticed(tmp_path: Path) -> None:
    import multiprocessing

    from engines.rooms.workers import WorkerError

    clips = make_clips(clip_plans(30, 3, "train", 1.0), tmp_path, 2)
    next(clips)
    for child in multiprocessing.active_children():
        child.kill()
    with pytest.raises(WorkerError, match="--workers 1"):
        list(clips)
