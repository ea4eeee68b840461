"""From a grid point to encoder inputs: the one implementation, at run time and in training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.encoders.spec import HEIGHT_UNKNOWN, RGB_SIZE, SMALL_SIZE
from edge.preprocess.boxes import Box, letterbox
from edge.preprocess.crop import CropTracker
from edge.preprocess.finder import PersonFinder
from edge.preprocess.floor import FloorEstimator
from edge.preprocess.flow import FlowEstimator, content, to_grey
from edge.preprocess.plane import Floor
from edge.signals import depth_cues, depth_is_usable, flow_cues, rgb_cues, rgb_is_usable
from edge.values import F32, Reason, Step, Stream
from edge.vocabulary import MODALITIES, Modality


@dataclass(frozen=True, slots=True)
class FrameInputs:
    """One feature frame, cut and scaled for the encoders."""

    rgb: NDArray[np.uint8] | None  # (RGB_SIZE, RGB_SIZE, 3) sRGB
    flow: NDArray[np.int8] | None  # (SMALL_SIZE, SMALL_SIZE, 2) see FLOW_SCALE
    depth: NDArray[np.int32] | None  # (SMALL_SIZE, SMALL_SIZE, 2) mm: distance, height
    cues: Mapping[Modality, F32]  # (2,) level and detail, of each modality that is present
    missing: Mapping[Modality, Reason]  # why each other one of rgb, flow, depth is not
    box: Box


@dataclass(frozen=True, slots=True)
class _Picture:
    """What is kept of one grid point's RGB to compute flow from it."""

    index: int
    rgb: NDArray[np.uint8]
    grey: NDArray[np.uint8]  # (120, 160)


class FramePreprocessor:
    """One room's way from pictures to encoder inputs; remembers last picture, crop and floor."""

    def __init__(
        self,
        modalities: frozenset[Modality] = frozenset(MODALITIES),
        finder: PersonFinder | None = None,
    ) -> None:
        """finder: see ``CropTracker``"""
        self._modalities = modalities
        self._estimate = FlowEstimator()
        self._tracker = CropTracker(finder)
        self._floor = FloorEstimator()
        self._previous: _Picture | None = None

    def push(self, step: Step) -> FrameInputs | None:
        """Take the next grid point; None between feature frames, which only feed the flow."""
        missing = {
            Modality.RGB: step.missing.get(Stream.RGB, Reason.STALE),
            Modality.DEPTH: step.missing.get(Stream.DEPTH, Reason.STALE),
        }
        picture = self._usable_picture(step, missing)
        previous, self._previous = self._previous, picture
        if not step.is_feature:
            return None
        flow = self._flow(previous, picture, missing)
        depth_mm = self._usable_depth(step, missing)
        floor = None if depth_mm is None else self._floor.update(depth_mm, step.depth_hfov_deg)
        return self._cut(picture, flow, depth_mm, floor, missing)

    def _usable_picture(self, step: Step, missing: dict[Modality, Reason]) -> _Picture | None:
        if not self._modalities & {Modality.RGB, Modality.FLOW}:
            missing[Modality.RGB] = Reason.DISABLED
            return None
        if step.rgb is None:
            return None
        before = self._previous
        grey = before.grey if before and before.rgb is step.rgb else to_grey(step.rgb)
        if not rgb_is_usable(grey[content(*step.rgb.shape[:2])]):
            missing[Modality.RGB] = Reason.UNHEALTHY
            return None
        del missing[Modality.RGB]
        return _Picture(step.index, step.rgb, grey)

    def _usable_depth(
        self, step: Step, missing: dict[Modality, Reason]
    ) -> NDArray[np.uint16] | None:
        if Modality.DEPTH not in self._modalities:
            missing[Modality.DEPTH] = Reason.DISABLED
        elif step.depth_mm is not None and depth_is_usable(step.depth_mm):
            del missing[Modality.DEPTH]
            return step.depth_mm
        elif step.depth_mm is not None:
            missing[Modality.DEPTH] = Reason.UNHEALTHY
        return None

    def _flow(
        self, previous: _Picture | None, picture: _Picture | None, missing: dict[Modality, Reason]
    ) -> NDArray[np.int8] | None:
        """(h, w, 2) of the whole picture without bars, or None and the reason in ``missing``."""
        if picture is None:
            missing[Modality.FLOW] = missing[Modality.RGB]
            return None
        shape = picture.rgb.shape
        if not previous or previous.index != picture.index - 1 or previous.rgb.shape != shape:
            missing[Modality.FLOW] = Reason.WARMING_UP
            return None
        if (
            previous.rgb is picture.rgb
        ):  # a slow camera: its zero flow would claim that nothing moves
            missing[Modality.FLOW] = Reason.STALE
            return None
        return self._estimate(previous.grey, picture.grey)[content(*shape[:2])]

    def _cut(
        self,
        picture: _Picture | None,
        flow: NDArray[np.int8] | None,
        depth_mm: NDArray[np.uint16] | None,
        floor: Floor | None,
        missing: dict[Modality, Reason],
    ) -> FrameInputs:
        box = self._tracker.update(flow, depth_mm)
        for modality in (Modality.RGB, Modality.FLOW):
            if modality not in self._modalities:
                missing[modality] = Reason.DISABLED
        rgb = picture.rgb if picture and Modality.RGB in self._modalities else None
        flow = flow if Modality.FLOW in self._modalities else None
        cues = {}
        if picture is not None and rgb is not None:
            cues[Modality.RGB] = rgb_cues(picture.grey[content(*rgb.shape[:2])])
        if flow is not None:
            cues[Modality.FLOW] = flow_cues(flow)
        if depth_mm is not None:
            cues[Modality.DEPTH] = depth_cues(depth_mm)
        return FrameInputs(
            rgb=None if rgb is None else letterbox(rgb, RGB_SIZE, box, "area"),
            flow=None if flow is None else letterbox(flow, SMALL_SIZE, box, "area"),
            depth=None if depth_mm is None else _depth_input(depth_mm, floor, box),
            cues=cues,
            missing=missing,
            box=box,
        )


def _depth_input(depth_mm: NDArray[np.uint16], floor: Floor | None, box: Box) -> NDArray[np.int32]:
    """(SMALL_SIZE, SMALL_SIZE, 2) distance and height of the same pixels."""
    distance = letterbox(depth_mm, SMALL_SIZE, box, "nearest").astype(np.int32)
    height = np.full_like(distance, HEIGHT_UNKNOWN)
    if floor is not None:
        cut = letterbox(floor.height_mm(depth_mm), SMALL_SIZE, box, "nearest")
        height = np.where(distance > 0, cut, height)
    return np.stack([distance, height], axis=-1)
