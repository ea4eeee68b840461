"""Writes, judges and collects plans; ``edge.plans`` reads them."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from edge.errors import PlanError, StoreError
from edge.plans import PLAN_SUFFIX, SIDECAR_SUFFIX, PlanStore, Sidecar, check_trusted

PARTIAL_SUFFIX = ".part"
_DIRECTORY_MODE = 0o755


@dataclass(frozen=True, slots=True)
class Entry:
    """One plan of the store, or what is left of one."""

    path: Path  # of the sidecar, or of a file that has none
    sidecar: Sidecar | None  # None: not to be trusted
    problem: str | None

    @property
    def files(self) -> tuple[Path, Path]:
        """Sidecar and plan; either may be lacking."""
        return self.path.with_suffix(SIDECAR_SUFFIX), self.path.with_suffix(PLAN_SUFFIX)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Make the directory, and let one process at a time write there.

    Raises: StoreError, PlanError when no plan in there would ever be loaded.
    """
    try:
        directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        check_trusted(directory)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        told = f"{directory}: {error.strerror}; name another with --plans"
        raise StoreError(told) from error
    try:
        _lock(directory, descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(directory: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write(f"waiting for another process, which writes {directory}\n")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def write_plan(store: PlanStore, plan: bytes, sidecar: Sidecar) -> Path:
    """Add a plan, or replace the one of its key; whole or not at all.  Raises: StoreError.

    Inside ``locked``. The sidecar comes last: a plan whose sidecar is of another is not run.
    """
    path = store.directory / f"{sidecar.name}-{sidecar.wanted.key}{SIDECAR_SUFFIX}"
    try:
        _write(path.with_suffix(PLAN_SUFFIX), plan)
        _write(path, sidecar.to_json().encode())
        _sync(store.directory)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; make room, or name another --plans") from error
    return path


def _write(path: Path, data: bytes) -> None:
    """Readable by all, writable by us only, whatever the umask; appears whole or not at all."""
    with NamedTemporaryFile(dir=path.parent, suffix=PARTIAL_SUFFIX, delete=False) as file:
        try:
            file.write(data)
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def entries(store: PlanStore) -> list[Entry]:
    """Everything there is, judged as it would be before it is run; newest first."""
    sidecars = store.sidecars()
    found = [_judged(store, path) for path in sidecars]
    described = {path.with_suffix(PLAN_SUFFIX) for path in sidecars}
    for path in sorted(store.directory.glob(f"*{PLAN_SUFFIX}")):
        if path not in described:
            found.append(Entry(path, None, f"{path}: has no sidecar"))
    return sorted(found, key=lambda e: e.sidecar.built_at if e.sidecar else "", reverse=True)


def _judged(store: PlanStore, path: Path) -> Entry:
    try:
        return Entry(path, store.open(path)[0], None)
    except PlanError as error:
        return Entry(path, None, str(error))


def superfluous(found: Collection[Entry], wanted: Collection[str], keep: int) -> list[Entry]:
    """What can go: all that cannot be run, and of each model all but the newest ``keep``.

    wanted: keys that stay in any case. The last good plan stays, for a return to the TensorRT or
    the model before.
    """
    gone: list[Entry] = []
    kept: dict[str, int] = {}
    for entry in sorted(found, key=lambda e: e.sidecar.built_at if e.sidecar else "", reverse=True):
        if entry.sidecar is None:
            gone.append(entry)
            continue
        name = entry.sidecar.name
        if entry.sidecar.wanted.key not in wanted and kept.get(name, 0) >= keep:
            gone.append(entry)
        else:
            kept[name] = kept.get(name, 0) + 1
    return gone


def remove(store: PlanStore, gone: Collection[Entry]) -> int:
    """Delete entries, sidecars first, and what interrupted writes left; returns bytes freed.

    Inside ``locked``.  Raises: StoreError.
    """
    freed = 0
    paths = [path for entry in gone for path in entry.files]
    try:
        for path in (*paths, *store.directory.glob(f"*{PARTIAL_SUFFIX}")):
            if path.is_symlink() or path.exists():
                freed += path.lstat().st_size
                path.unlink()
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}; remove it by hand") from error
    return freed
