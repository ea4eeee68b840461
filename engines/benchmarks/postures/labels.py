"""What UR Fall Detection says frame by frame: upright, going down or lying.

The tables number 30 frames a second from 1 and belong to camera 0; the films show 15, so picture k
(from 0) is rows 2k + 1 and 2k + 2. They may begin after the film and end before or after it. In
fall clips "going down" always lasts 30 rows: its beginning is a convention, not an observation.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from edge.errors import ConfigError
from engines.training.manifest import Row

Posture = Literal["upright", "going_down", "lying"]
POSTURES: tuple[Posture, ...] = ("upright", "going_down", "lying")
CODES: Mapping[str, Posture] = {"-1": "upright", "0": "going_down", "1": "lying"}
TABLES = "urfall-cam0-*.csv"
FILM_HZ = 15

Tag = Literal["fall", "pre_fall", "lie_down", "adl"]
ONSET_S = 0.5  # after "going down" begins, before a fall must be seen
AFTER_S = 1.0  # since lying began, that still counts as the fall


@dataclass(frozen=True, slots=True)
class Course:
    """One clip's postures by row number."""

    rows: Mapping[int, Posture]

    def at(self, t_s: float) -> Posture | None:
        """The posture shown by the film's picture at this time.

        None where its two rows differ or neither is there.
        """
        picture = round(t_s * FILM_HZ)
        said = {self.rows.get(row) for row in (2 * picture + 1, 2 * picture + 2)} - {None}
        return said.pop() if len(said) == 1 else None

    def first(self, posture: Posture) -> float | None:
        """When it first begins, in seconds of the film; None: never."""
        rows = [row for row, said in self.rows.items() if said == posture]
        return (min(rows) - 1) / (2 * FILM_HZ) if rows else None


def read_courses(folders: Iterable[Path]) -> dict[str, Course]:
    """All clips of the tables in these folders, as ``fall-01``; the first folder that has one.

    Raises: ConfigError for a row that cannot be understood.
    """
    courses: dict[str, dict[int, Posture]] = {}
    for folder in folders:
        found: dict[str, dict[int, Posture]] = {}
        for path in sorted(folder.glob(TABLES)):
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.reader(file):
                    try:
                        found.setdefault(row[0], {})[int(row[1])] = CODES[row[2]]
                    except (IndexError, KeyError, ValueError) as error:
                        raise ConfigError(
                            f"{path}: {row}: must begin with clip, frame, -1 or 0 or 1; correct it"
                        ) from error
        courses = {**found, **courses}
    return {name: Course(rows) for name, rows in courses.items()}


def clip_of(row: Row) -> str:
    """``fall-01`` of ``.../fall-01-cam0.mp4``"""
    return PurePosixPath(row.name).stem.rpartition("-")[0]


def camera_of(row: Row) -> str:
    """``cam0`` of ``.../fall-01-cam0.mp4``"""
    return PurePosixPath(row.name).stem.rpartition("-")[2]


def is_fall(row: Row) -> bool:
    """Whether somebody falls in the clip."""
    return row.label.startswith("fall")


def tag_at(row: Row, course: Course, t_s: float) -> Tag | None:
    """What the window that ends at a time is, when falls are asked for; None: not asked about.

    Of a fall clip: before the fall, or from ONSET_S after it begins to AFTER_S after the person
    lies. Of a daily activity: from when somebody goes down to lie there, or the rest.
    """
    down, lying = course.first("going_down"), course.first("lying")
    if not is_fall(row):
        return "lie_down" if down is not None and t_s >= down else "adl"
    if down is None:
        return None
    if t_s < down:
        return "pre_fall"
    late = t_s > (lying + AFTER_S if lying is not None else down + AFTER_S + 1)
    return None if late or t_s < down + ONSET_S else "fall"
