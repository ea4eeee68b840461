"""Windows of films as items for the heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.fusion.parameters import QUALITY_CUES
from edge.values import F32
from edge.vocabulary import Modality
from engines.benchmarks.features import thinned
from engines.benchmarks.items import Items
from engines.benchmarks.postures.describe import (
    DIM,
    WINDOW,
    Course,
    course_of,
    random_projection,
    window_vectors,
)
from engines.benchmarks.postures.films import Film

MODALITIES = (Modality.RGB, Modality.FLOW)
FULL_MOTION = 0.5  # root of the moving share of a picture that counts as all there can be


@dataclass(frozen=True, slots=True)
class Window:
    """What ends at one frame of a film, or of its mirror image."""

    film: Film
    frame: int
    label: str
    tag: str
    mirror: bool = False

    @property
    def t_s(self) -> float:
        """Its end, from the film's start."""
        return float(self.film.times_ns[self.frame]) / 1e9

    @property
    def name(self) -> str:
        """Film and time: ``fall-01-cam0.mp4@3.20``"""
        return f"{self.film.row.name}@{self.t_s:.2f}"


def with_mirrored(windows: Sequence[Window]) -> list[Window]:
    """The same, and all of them in a mirror."""
    return [
        *windows,
        *(Window(w.film, w.frame, w.label, w.tag, True) for w in windows),
    ]


class Describer:
    """Vectors of windows; every film is described once."""

    def __init__(self) -> None:
        self._projection = random_projection()
        self._courses: dict[tuple[str, bool], Course] = {}

    def course(self, film: Film, mirror: bool) -> Course:
        """All frames of a film in numbers."""
        key = (film.row.name, mirror)
        if key not in self._courses:
            self._courses[key] = course_of(film, mirror, self._projection)
        return self._courses[key]

    def items(self, windows: Sequence[Window], classes: Sequence[str]) -> Items:
        """One step an item: the vectors themselves know what came before."""
        vectors = [window_vectors(self.course(w.film, w.mirror), w.frame) for w in windows]
        features = np.array(vectors, np.float32).reshape(-1, len(MODALITIES), 1, DIM)
        cues = [cues_of(w.film, w.frame) for w in windows]
        return self._items(windows, classes, features, cues)

    def clip_items(self, films: Sequence[Film], labels: Sequence[str], classes: Sequence[str],
                   steps: int = WINDOW) -> Items:  # fmt: skip
        """One item a film: up to ``steps`` of its windows, evenly spread."""
        windows = [Window(f, len(f.light) - 1, label, "")
                   for f, label in zip(films, labels, strict=True)]  # fmt: skip
        features = np.zeros((len(films), len(MODALITIES), steps, DIM), np.float32)
        for row, film in enumerate(films):
            kept = thinned(len(film.light), steps)
            course = self.course(film, False)
            for slot, frame in enumerate(kept, start=steps - len(kept)):
                features[row, :, slot] = window_vectors(course, frame)
        cues = [cues_of(w.film, w.frame) for w in windows]
        return self._items(windows, classes, features, cues)

    def _items(
        self, windows: Sequence[Window], classes: Sequence[str], features: F32, cues: list[F32]
    ) -> Items:
        return Items(
            modalities=MODALITIES,
            classes=tuple(classes),
            features=features.astype(np.float16),
            valid=np.asarray(features.any(axis=3), np.bool_),
            quality=np.array(cues, np.float32).reshape(-1, len(MODALITIES), len(QUALITY_CUES)),
            labels=np.array([list(classes).index(w.label) for w in windows], np.int64),
            groups=tuple(w.film.group for w in windows),
            names=tuple(w.name for w in windows),
            tags=tuple(w.tag for w in windows),
        )


def cues_of(film: Film, frame: int) -> F32:
    """(2, 3) level, detail, coverage: light and sureness of the pictures; how much moves."""
    past = slice(max(frame - WINDOW + 1, 0), frame + 1)
    light, trust = film.light[past].mean(), film.points[past, :, 2].mean()
    moving, speed = film.motion[past, 0].mean() / FULL_MOTION, film.motion[past, 1].mean()
    covered = (frame + 1 - past.start) / WINDOW
    cues = [[light, trust, covered], [moving, speed, covered]]
    return np.clip(np.array(cues, np.float32), 0, 1)
