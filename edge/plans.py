"""TensorRT plans on this device: what names one, and the checks before one is loaded.

A plan is executable code, compiled from one ONNX file for one board by one TensorRT. It is taken
only when its user or root wrote it, nobody else may write it, and its sidecar says that it is this
very model's, this very board's, and whole.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from edge.errors import MissingPlanError, PlanError

FORMAT = 1
PLAN_SUFFIX, SIDECAR_SUFFIX = ".plan", ".json"
REMEDY = "run, as the service's user and with its --config: python -m engines build"

SYSTEM_STATE = Path("/var/lib/gatehouse")
_FORBIDDEN_MODE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Target:
    """What a plan runs on, and what compiled it; it runs nowhere else."""

    library: str  # tensorrt or tensorrt_rtx
    version: str  # of the library, e.g. 10.3.0
    board: str  # as the driver names it; every Jetson Orin is "Orin"
    capability: str  # compute capability, e.g. 8.7
    multiprocessors: int  # tells an Orin NX from an Orin Nano

    def __str__(self) -> str:
        size = f"{self.multiprocessors} SMs" if self.multiprocessors else "no GPU"
        return f"{self.library} {self.version} on {self.board} ({self.capability}, {size})"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a plan is compiled. Batches are rooms: 1 ... largest_batch, tuned for best_batch."""

    best_batch: int = 1
    largest_batch: int = 8
    workspace_mib: int = 256
    form: int = 1  # of the builder's code: raised when it builds otherwise from the same values

    @classmethod
    def for_rooms(cls, rooms: int) -> Recipe:
        """Tuned for that many rooms at once."""
        return cls(best_batch=rooms, largest_batch=max(rooms, cls().largest_batch))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that goes into a plan, and so names it."""

    model_sha256: str  # of the ONNX file, with its INT8 scales
    recipe: Recipe
    target: Target

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits, other ones for any other model, recipe, version or board."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What is written beside a plan."""

    name: str  # of the model, for people
    wanted: Wanted
    plan_sha256: str
    plan_bytes: int
    built_at: str  # RFC 3339, UTC
    build_s: float

    def to_json(self) -> str:
        """As the file holds it."""
        content = {"format": FORMAT, "key": self.wanted.key, **asdict(self)}
        return json.dumps(content, indent=1, sort_keys=True) + "\n"


def sidecar_from_json(text: str) -> Sidecar:
    """Read ``Sidecar.to_json``.  Raises: ValueError, which says what is wrong."""
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"not of format {FORMAT}")
    try:
        inputs: Mapping[str, Any] = data["wanted"]
        wanted = Wanted(
            str(inputs["model_sha256"]), Recipe(**inputs["recipe"]), Target(**inputs["target"])
        )
        found = Sidecar(
            name=str(data["name"]),
            wanted=wanted,
            plan_sha256=str(data["plan_sha256"]),
            plan_bytes=int(data["plan_bytes"]),
            built_at=str(data["built_at"]),
            build_s=float(data["build_s"]),
        )
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"incomplete: {error}") from error
    if data.get("key") != wanted.key:
        raise ValueError("its key is not that of its content")
    return found


def plan_directory(configured: Path | None = None) -> Path:
    """Where plans are: as configured, else with the service's state, else in the user's cache."""
    if configured is not None:
        return configured
    if os.access(SYSTEM_STATE, os.R_OK | os.W_OK | os.X_OK):
        return SYSTEM_STATE / "plans"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "gatehouse" / "plans"


class PlanStore:
    """A directory of plans with a sidecar each, read only; ``engines.plans.files`` writes it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def sidecars(self) -> list[Path]:
        """Every sidecar, sound or not; none when there is no directory.  Raises: PlanError."""
        try:
            names = sorted(os.listdir(self.directory))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise PlanError(f"{self.directory}: {error.strerror}; {REMEDY}") from error
        return [self.directory / name for name in names if name.endswith(SIDECAR_SUFFIX)]

    def load(self, wanted: Wanted) -> bytes:
        """The plan, once everything about it was checked.

        Raises: MissingPlanError when none was built for this model here, PlanError when the one
        that was is not to be trusted.
        """
        path = self.path_of(wanted)
        sidecar, plan = self.open(path)
        if sidecar.wanted != wanted:
            raise PlanError(f"{path}: is for {sidecar.wanted.target}, and renamed; {REMEDY}")
        return plan

    def path_of(self, wanted: Wanted) -> Path:
        """The sidecar of this plan, sound or not.  Raises: MissingPlanError, PlanError."""
        found = [path for path in self.sidecars() if path.stem.endswith(f"-{wanted.key}")]
        if not found:
            raise MissingPlanError(f"no plan {self._instead(wanted)}; {REMEDY}")
        return found[0]

    def open(self, path: Path) -> tuple[Sidecar, bytes]:
        """One sidecar's plan, checked against it.  Raises: PlanError."""
        check_trusted(self.directory)
        try:
            sidecar = sidecar_from_json(read_trusted(path).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise PlanError(f"{path}: not a plan's sidecar ({error}); {REMEDY}") from error
        file = path.with_suffix(PLAN_SUFFIX)
        plan = read_trusted(file)
        found = sha256(plan).hexdigest()
        if found != sidecar.plan_sha256:
            raise PlanError(
                f"{file}: the plan is damaged (sha256 {found[:12]}..., expected "
                f"{sidecar.plan_sha256[:12]}...); {REMEDY}"
            )
        return sidecar, plan

    def _instead(self, wanted: Wanted) -> str:
        """Say for what a plan is lacking, and what there is of the same model."""
        others = []
        for path in self.sidecars():
            try:
                others.append(sidecar_from_json(read_trusted(path).decode("utf-8")))
            except (PlanError, ValueError, RecursionError):
                continue  # not worth a word here: ``list`` and ``doctor`` say it
        same = [o for o in others if o.wanted.model_sha256 == wanted.model_sha256]
        told = f"for {wanted.target} in {self.directory}"
        return f"{told} (one is there for {same[-1].wanted.target})" if same else told


def read_trusted(path: Path) -> bytes:
    """A file that only root and this user can have written.  Raises: PlanError."""
    try:
        # what is checked is what is read, whatever becomes of the name meanwhile
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # wait for no pipe
        descriptor = os.open(path, flags)
        with os.fdopen(descriptor, "rb") as file:
            remedy = f"remove it, then {REMEDY}"
            _check_owner(path, os.fstat(descriptor), remedy, remedy)
            return file.read()
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror or error}; {REMEDY}") from error


def check_trusted(directory: Path) -> None:
    """Nobody but root and this user may put files there.  Raises: PlanError."""
    try:
        found = os.stat(directory)
    except OSError as error:
        raise PlanError(f"{directory}: {error.strerror or error}; {REMEDY}") from error
    other = "run as that user, or name another directory (models.plans, --plans)"
    _check_owner(directory, found, other, f"run: chmod go-w {directory}")


def _check_owner(path: Path, found: os.stat_result, foreign: str, loose: str) -> None:
    """foreign, loose: the remedies for another's file, and for one that others may write"""
    user = os.geteuid()
    if found.st_uid not in (0, user):
        told = f"it belongs to user {found.st_uid}, not to root or user {user}"
        raise PlanError(f"{path}: refused, {told}; {foreign}")
    if found.st_mode & _FORBIDDEN_MODE:
        raise PlanError(f"{path}: refused, others may write it; {loose}")
