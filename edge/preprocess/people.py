"""Follows the people that the finder finds, and decides who of them belongs in the crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.preprocess.finder import Person, overlap
from edge.values import F32

_SEEN, _UNSEEN = 0.4, 0.85  # how fast confidence follows the score; what is left of it per miss
_CONFIDENT = 0.3  # less is furniture
_FORGOTTEN = 0.08
_SAME, _REACH = 0.2, 0.5  # overlap, or distance in own sizes, that makes a find the same person
_OUTWARD, _INWARD = 0.6, 0.3  # how fast edges follow, per update
_MOTION_RATE = 0.15  # time constant 0.9 s
_STILL = 0.5  # weight of somebody who does not move at all
_LIVELY = 0.2  # share of a box that moves when somebody walks
_RIVAL = 0.6  # others of this weight, relative to the first, are kept in the crop
_CLOSE = 0.35  # and whoever is nearer to the first than this share of their height


@dataclass(frozen=True, slots=True)
class Track:
    """One person over time; edges in [0, 1] of the picture."""

    edges: NDArray[np.float64]  # (4,) left, top, right, bottom
    confidence: float
    motion: float = 0.0  # share of the box that moves

    @property
    def weight(self) -> float:
        """Confidence, more for whoever moves."""
        return self.confidence * (_STILL + (1 - _STILL) * min(1.0, self.motion / _LIVELY))


class PeopleTracker:
    """One room's people."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []

    def update(self, people: Sequence[Person], moving: F32) -> NDArray[np.float64] | None:
        """Take what was found in a frame; return edges around who matters, None for nobody.

        moving: (rows, columns) share of each cell of the picture that moves
        returns: (4,) left, top, right, bottom in [0, 1]
        """
        free = list(people)
        kept = [_next(track, free, moving) for track in self._tracks]
        kept += [_new(person, moving) for person in free]
        self._tracks = _distinct([t for t in kept if t.confidence > _FORGOTTEN])
        sure = [t for t in self._tracks if t.confidence > _CONFIDENT]
        if not sure:
            return None
        first = max(sure, key=lambda track: track.weight)
        chosen = [t.edges for t in sure if _belongs(t, first)]
        return np.concatenate(
            [np.min([e[:2] for e in chosen], axis=0), np.max([e[2:] for e in chosen], axis=0)]
        )


def _next(track: Track, free: list[Person], moving: F32) -> Track:
    """The track with the find that fits it best, which is taken out of ``free``."""
    fits = [(_likeness(track, person), index) for index, person in enumerate(free)]
    best, index = max(fits, default=(0.0, 0))
    if best <= 0:
        return Track(track.edges, track.confidence * _UNSEEN, track.motion)
    person = free.pop(index)
    new = _edges(person)
    outward = np.concatenate([new[:2] < track.edges[:2], new[2:] > track.edges[2:]])
    edges = track.edges + np.where(outward, _OUTWARD, _INWARD) * (new - track.edges)
    motion = track.motion + _MOTION_RATE * (_motion(edges, moving) - track.motion)
    return Track(edges, track.confidence + _SEEN * (person.score - track.confidence), motion)


def _new(person: Person, moving: F32) -> Track:
    edges = _edges(person)
    return Track(edges, person.score, _motion(edges, moving))


def _likeness(track: Track, person: Person) -> float:
    """Above 0 when the find may be the track's person."""
    shared = overlap(_as_person(track), person)
    if shared > _SAME:
        return 1 + shared
    new = _edges(person)
    middles = (track.edges[:2] + track.edges[2:] - new[:2] - new[2:]) / 2
    size = float(np.max(track.edges[2:] - track.edges[:2]))
    return 1 - float(np.hypot(*middles)) / (_REACH * size)


def _distinct(tracks: list[Track]) -> list[Track]:
    """Without tracks that lie on a surer one's."""
    kept: list[Track] = []
    for track in sorted(tracks, key=lambda t: -t.confidence):
        if all(overlap(_as_person(track), _as_person(other)) < 0.5 for other in kept):
            kept.append(track)
    return kept


def _belongs(track: Track, first: Track) -> bool:
    """Whether somebody is as important as the first, or close to them."""
    if track.weight >= _RIVAL * first.weight:
        return True
    apart = np.maximum(track.edges[:2] - first.edges[2:], first.edges[:2] - track.edges[2:])
    return bool(np.max(apart) < _CLOSE * (first.edges[3] - first.edges[1]))


def _motion(edges: NDArray[np.float64], moving: F32) -> float:
    """Mean of ``moving`` inside the edges."""
    rows, columns = moving.shape
    left, top = int(edges[0] * columns), int(edges[1] * rows)
    right, bottom = int(np.ceil(edges[2] * columns)), int(np.ceil(edges[3] * rows))
    part = moving[top : max(bottom, top + 1), left : max(right, left + 1)]
    return float(part.mean()) if part.size else 0.0


def _edges(person: Person) -> NDArray[np.float64]:
    return np.array([person.left, person.top, person.right, person.bottom])


def _as_person(track: Track) -> Person:
    return Person(track.confidence, *(float(edge) for edge in track.edges))
