"""Render a scene to disk: ``NAME.mcap`` as a device would record it, ``NAME.truth.json`` beside it.

The recording appears last and whole, so a clip exists when its recording does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.sources.mcap_writer import RecordingWriter
from edge.values import AUDIO_RATE_HZ
from engines.rooms.scene import FPS, Scene
from engines.rooms.soundbank import SoundBank
from engines.rooms.soundtrack import Soundtrack, compose

if TYPE_CHECKING:
    from engines.rooms.renderer import Rendered

TRUTH_VERSION = 1
DEPTH_SIZE = (160, 120)
MIN_SHARE = 0.006
"""Of the picture, on average and at the end, for a person to count as visible: 460 pixels."""
MIN_SEEN = 0.8
"""Of the frames with a person in the room, that show at least half as much."""

_JPEG_QUALITY = 80
_CHUNK = AUDIO_RATE_HZ // 10
_OBSERVED = 1  # value of the observed person in Rendered.actor
_COMPOSED = "recorded sounds were mixed into this rendered scene; see sounds[].source"

Box = tuple[int, int, int, int]


class HardlyVisibleError(Exception):
    """The observed person is hidden or out of sight; roll another scene."""


class SceneRenderer(Protocol):
    """What turns a scene into pictures; ``renderer.Renderer`` is one."""

    def render(self, scene: Scene) -> Iterator[Rendered]:
        """Yield ``scene.frames`` frames."""


def truth_path(recording: Path) -> Path:
    """Return where the ground truth of a recording lies."""
    return recording.with_suffix(".truth.json")


def write_scene(
    scene: Scene,
    path: Path,
    renderer: SceneRenderer,
    bank: SoundBank | None,
    *,
    must_see: bool = True,
    extra: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Render ``scene`` to ``path`` (NAME.mcap) and its ground truth; return the ground truth.

    extra: more entries of the truth file. Raises: HardlyVisibleError, with nothing written, when
    ``must_see`` and the observed person cannot be seen; SpeechError, StoreError, RenderError.
    """
    track = compose(scene, bank)
    metadata = {"source": "rendered", "seed": str(scene.seed)}
    with RecordingWriter(path, depth_hfov_deg=scene.camera.hfov_deg, metadata=metadata) as writer:
        boxes, shares = _record(scene, track, renderer, writer)
        if must_see and hardly_visible(scene, shares):
            raise HardlyVisibleError(f"{path.stem}: seen on {np.mean(shares):.2%} of the picture")
        truth = {**_truth(scene, track, boxes, shares), **(extra or {})}
        write_atomically(truth_path(path), json.dumps(truth, indent=1) + "\n")
    return truth


def hardly_visible(scene: Scene, shares: Sequence[float]) -> bool:
    """Whether the person is too small or hidden too often, or at the end, which names the clip."""
    there = np.zeros(len(shares), bool)
    for span in scene.truth:
        if span.action != "empty":
            there[round(span.start_s * FPS) : round(span.end_s * FPS)] = True
    seen = np.asarray(shares)[there]
    if not len(seen):
        return False
    often = float((seen > MIN_SHARE / 2).mean())
    return bool(min(seen.mean(), seen[-FPS:].mean()) < MIN_SHARE or often < MIN_SEEN)


def write_atomically(path: Path, text: str) -> None:
    """Write a small file so that its name never shows half of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def _record(
    scene: Scene, track: Soundtrack, renderer: SceneRenderer, writer: RecordingWriter
) -> tuple[list[Box | None], list[float]]:
    """Write all samples in order of time; return the person's box and share of each frame."""
    from engines.rooms.noise import DepthNoise, RgbNoise

    rng = np.random.default_rng([scene.seed, 0xCA])
    spoil_depth = DepthNoise(rng, scene.camera.hfov_deg, *DEPTH_SIZE)
    spoil_rgb = RgbNoise(rng, scene.dark)
    boxes: list[Box | None] = []
    shares: list[float] = []
    for frame, clean in enumerate(renderer.render(scene)):
        t_ns = round(frame * 1_000_000_000 / FPS)
        _write_sound(writer, track.pcm, len(boxes) / FPS, (frame + 1) / FPS)
        writer.rgb(t_ns, spoil_rgb(clean.rgb), _JPEG_QUALITY)
        coarse = slice(None, None, clean.rgb.shape[1] // DEPTH_SIZE[0])
        writer.depth(t_ns, spoil_depth(clean.depth_m[coarse, coarse], clean.rgb[coarse, coarse]))
        mask = clean.actor == _OBSERVED
        boxes.append(_box(mask))
        shares.append(float(mask.mean()))
    return boxes, shares


def _write_sound(
    writer: RecordingWriter, pcm: NDArray[np.int16], start_s: float, end_s: float
) -> None:
    """Write the chunks of 0.1 s that begin in [start_s, end_s)."""
    chunk_s = _CHUNK / AUDIO_RATE_HZ
    first, last = (int(np.ceil(at / chunk_s - 1e-9)) for at in (start_s, end_s))
    for number in range(first, last):
        chunk = pcm[number * _CHUNK : (number + 1) * _CHUNK]
        if len(chunk):
            writer.audio(number * _CHUNK * 1_000_000_000 // AUDIO_RATE_HZ, chunk)


def _box(mask: NDArray[np.bool_]) -> Box | None:
    """Return x0, y0, x1, y1 in pixels, ends excluded."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _truth(
    scene: Scene, track: Soundtrack, boxes: Sequence[Box | None], shares: Sequence[float]
) -> dict[str, Any]:
    camera = scene.camera
    recorded = sorted({h.source for h in track.heard} - {"synthetic", "espeak-ng"})
    return {
        "version": TRUTH_VERSION,
        "seed": scene.seed,
        "duration_s": scene.duration_s,
        "fps": FPS,
        "spans": [asdict(span) for span in scene.truth],
        "sounds": [asdict(heard) for heard in track.heard],
        "recorded_sounds": recorded,
        "composed": _COMPOSED if recorded else None,
        "notes": dict(scene.notes),
        "dark": scene.dark,
        "room_m": [round(float(side), 3) for side in scene.room_m],
        "camera": {
            "position": [round(float(v), 4) for v in camera.position],
            "target": [round(float(v), 4) for v in camera.target],
            "hfov_deg": round(float(camera.hfov_deg), 3),
        },
        "bodies": [actor.body for actor in scene.actors],
        "visible_mean": round(float(np.mean(shares)), 5) if shares else 0.0,
        "visible": [round(share, 5) for share in shares],
        "boxes": boxes,
    }
