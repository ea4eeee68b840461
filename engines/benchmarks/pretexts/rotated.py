"""Encoder inputs turned by quarters, with nothing in them that tells by how much but the picture.

Bars of a letterbox would: they lie above and below, and turned they stand left and right. So every
side is blanked as far as the widest bar reaches. Height above the floor was measured upright and
would tell it, too: it is withheld. Sound knows nothing of it and stays as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.encoders.spec import HEIGHT_UNKNOWN
from edge.values import WINDOW_NS, Mask
from edge.vocabulary import Modality
from engines.training.datasets import VIDEO, ClipInputs, Part

QUARTERS = 4
WIDEST = 0.25  # of the side; wider blanks would leave too little of the picture
Frame = NDArray[Any]


def rotated(inputs: ClipInputs, quarters: int) -> ClipInputs:
    """Every picture turned counter-clockwise by quarters of a circle; sound is left as it is."""
    margins = margins_of(inputs)
    parts = dict(inputs.parts)
    for modality in VIDEO:
        part = inputs.parts.get(modality)
        if part is None:
            continue
        turned = [
            turn(modality, blanked(plain(modality, tensor), margins[int(place)]), quarters)
            for tensor, place in zip(part.tensors, part.places, strict=True)
        ]
        tensors = np.array(turned, part.tensors.dtype)
        if modality is Modality.DEPTH:
            tensors = np.stack([tensors, np.full_like(tensors, HEIGHT_UNKNOWN)], axis=-1)
        parts[modality] = replace(part, tensors=tensors.reshape(part.tensors.shape))
    return replace(inputs, parts=parts)


def plain(modality: Modality, frame: Frame) -> Frame:
    """What is turned of a frame: of depth the distance alone.  frame: (S, S[, C])"""
    distance: Frame = frame[..., 0] if modality is Modality.DEPTH else frame
    return distance


def turn(modality: Modality, frame: Frame, quarters: int) -> Frame:
    """frame: (S, S) or (S, S, C)   returns: the same; motion vectors turn with their picture"""
    turned: Frame = np.rot90(frame, quarters)
    if modality is Modality.FLOW:
        for _ in range(quarters % QUARTERS):  # right becomes up, down becomes right
            turned = np.stack([turned[..., 1], -turned[..., 0]], axis=-1)
    return np.ascontiguousarray(turned)


def margins_of(inputs: ClipInputs) -> dict[int, float]:
    """Widest empty edge of each frame, as a share of the side: RGB tells, else depth, else 0."""
    margins = dict.fromkeys(range(len(inputs.frames_ns)), 0.0)
    for modality in (Modality.DEPTH, Modality.RGB):
        part = inputs.parts.get(modality)
        if part is not None:
            for tensor, place in zip(part.tensors, part.places, strict=True):
                margins[int(place)] = empty_edge(plain(modality, tensor))
    return margins


def empty_edge(frame: Frame) -> float:
    """Share of the side that is zero along the edge where most is; at most WIDEST."""
    there: Mask = np.asarray(frame.any(axis=2) if frame.ndim == 3 else frame != 0)
    side = len(there)
    widest = 0
    for line in (there.any(axis=1), there.any(axis=0)):
        filled = np.flatnonzero(line)
        if len(filled):
            widest = max(widest, int(filled[0]), side - 1 - int(filled[-1]))
    return min(widest / side, WIDEST)


def blanked(frame: Frame, margin: float) -> Frame:
    """The frame with a border of zeros, ``margin`` of its side wide on every side."""
    side = len(frame)
    width = int(np.ceil(margin * side))
    inside = np.zeros_like(frame)
    kept = slice(width, side - width)
    inside[kept, kept] = frame[kept, kept]
    return inside


def thinned(inputs: ClipInputs, end_ns: int, every: int) -> ClipInputs:
    """Only every n-th frame of the window that ends at ``end_ns``, counted back from its end."""
    inside = (inputs.frames_ns > end_ns - WINDOW_NS) & (inputs.frames_ns <= end_ns)
    kept = np.flatnonzero(inside)[::-1][::every]
    parts = dict(inputs.parts)
    for modality in VIDEO:
        part = inputs.parts.get(modality)
        if part is None:
            continue
        rows = np.isin(part.places, kept)
        parts[modality] = Part(part.tensors[rows], part.places[rows], part.cues[rows])
    return replace(inputs, parts={m: p for m, p in parts.items() if len(p.places)})
