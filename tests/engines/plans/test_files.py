"""The plan store as its writer sees it: whole or not at all, and tidied with care."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from edge.errors import PlanError, StoreError
from edge.plans import PlanStore, Recipe, Sidecar, Target, Wanted
from engines.plans.files import entries, locked, remove, superfluous, write_plan

ORIN = Target("tensorrt", "10.3.0", "Orin", "8.7", 16)


def put(store: PlanStore, day: int, name: str = "rgb", version: str = "10.3.0") -> Wanted:
    wanted = Wanted(
        sha256(name.encode()).hexdigest(), Recipe(), replace(ORIN, version=f"{version}.{day}")
    )
    plan = f"{name} {day}".encode()
    built = f"2026-01-{day:02}T00:00:00+00:00"
    with locked(store.directory):
        digest = sha256(plan).hexdigest()
        write_plan(store, plan, Sidecar(name, wanted, digest, len(plan), built, 1.0))
    return wanted


@pytest.fixture
def store(tmp_path: Path) -> PlanStore:
    return PlanStore(tmp_path / "state" / "plans")


@pytest.fixture
def open_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_is_written_can_be_loaded_even_with_an_open_umask(
    store: PlanStore, open_umask: object
) -> None:
    wanted = put(store, 1)
    assert store.load(wanted) == b"rgb 1"
    modes = {stat.S_IMODE(p.stat().st_mode) for p in store.directory.glob("rgb-*")}
    assert modes == {0o644}


def test_writing_again_replaces(store: PlanStore) -> None:
    wanted = put(store, 1)
    with locked(store.directory):
        again = Sidecar("rgb", wanted, sha256(b"new").hexdigest(), 3, "2026-02-01", 1.0)
        write_plan(store, b"new", again)
    assert store.load(wanted) == b"new"
    assert len(entries(store)) == 1


def test_a_write_that_fails_leaves_no_plan_that_could_run(
    store: PlanStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = put(store, 1)
    calls = []
    real = os.replace

    def full(source: str, target: Path) -> None:
        calls.append(target)
        if len(calls) == 2:  # the plan is in place, its sidecar is not
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    again = Sidecar("rgb", wanted, sha256(b"new").hexdigest(), 3, "2026-02-01", 1.0)
    with (
        pytest.raises(StoreError, match="No space left on device; make room"),
        locked(store.directory),
    ):
        write_plan(store, b"new", again)
    with pytest.raises(PlanError, match="damaged"):
        store.load(wanted)
    assert not list(store.directory.glob("*.part"))


def test_the_newest_come_first_and_the_refused_say_why(store: PlanStore) -> None:
    put(store, 1)
    put(store, 2)
    broken = store.path_of(put(store, 3)).with_suffix(".plan")
    broken.write_bytes(b"x")
    (store.directory / "stray.plan").write_bytes(b"x")
    found = entries(store)
    assert [e.sidecar.built_at[:10] for e in found if e.sidecar] == ["2026-01-02", "2026-01-01"]
    problems = [e.problem for e in found if e.problem]
    assert len(problems) == 2
    assert any("damaged" in p for p in problems)
    assert any("stray.plan: has no sidecar" in p for p in problems)


def test_of_each_model_the_newest_stay(store: PlanStore) -> None:
    kept = [put(store, day, name) for name in ("rgb", "flow") for day in (2, 3)]
    gone = [put(store, 1, name) for name in ("rgb", "flow")]
    with locked(store.directory):
        remove(store, superfluous(entries(store), set(), keep=2))
    assert [store.load(wanted) is not None for wanted in kept] == [True] * 4
    for wanted in gone:
        with pytest.raises(PlanError, match="no plan"):
            store.load(wanted)


def test_the_plan_of_this_board_stays_however_old(store: PlanStore) -> None:
    mine = put(store, 1)
    for day in (2, 3, 4):
        put(store, day)
    with locked(store.directory):
        remove(store, superfluous(entries(store), {mine.key}, keep=1))
    assert store.load(mine) == b"rgb 1"
    assert len(entries(store)) == 2


def test_the_refused_and_what_interrupted_writes_left_are_removed(store: PlanStore) -> None:
    good = put(store, 1)
    damaged = store.path_of(put(store, 2)).with_suffix(".plan")
    damaged.write_bytes(b"x")
    (store.directory / "stray.plan").write_bytes(b"x")
    (store.directory / "tmp1.part").write_bytes(b"xyz")
    with locked(store.directory):
        freed = remove(store, superfluous(entries(store), set(), keep=2))
    assert freed > 5
    left = {p.name for p in store.directory.iterdir()}
    assert left == {f"rgb-{good.key}.json", f"rgb-{good.key}.plan"}


def test_a_place_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StoreError, match=r"Not a directory.*--plans") as caught,
        locked(tmp_path / "file" / "plans"),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_plan_before(
    store: PlanStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = put(store, 1)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="make room"):
        put(store, 1)
    assert store.load(wanted) == b"rgb 1"


def test_one_process_at_a_time_writes_and_the_other_says_that_it_waits(store: PlanStore) -> None:
    program = (
        "import sys; from pathlib import Path; from engines.plans.files import locked\n"
        "with locked(Path(sys.argv[1])): print('has it')"
    )
    told = [sys.executable, "-c", program, str(store.directory)]
    with locked(store.directory):
        other = subprocess.Popen(told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert other.stderr is not None
        assert (
            other.stderr.readline()
            == f"waiting for another process, which writes {store.directory}\n"
        )
        assert other.poll() is None
    assert other.communicate(timeout=30)[0] == "has it\n"
