"""One long scene in which one sensor after another fails for a while."""

from __future__ import annotations

from collections.abc import Sequence

from edge.errors import MediaError
from edge.models import ModelStore, load_encoders, load_finder
from edge.values import GRID_HZ, Step, Tick
from edge.vocabulary import MODALITIES
from engines.benchmarks.features import Encoded
from engines.benchmarks.pretexts.views import encoded_by
from engines.benchmarks.weather.store import WeatherStore
from engines.training.datasets import Spoiler, open_row, read_inputs
from engines.training.manifest import Row
from engines.training.spoilers import make_spoiler
from engines.training.truth import Interval

EPISODES = (
    Interval("dark", 4.0, 9.0),
    Interval("depth_holes", 12.0, 17.0),
    Interval("noisy_sound", 20.0, 24.0),
    Interval("blurred", 27.0, 31.0),
    Interval("depth_frozen", 34.0, 39.0),
)
"""Kinds of engines/training/spoilers.py, in seconds since the scene's start."""

STRENGTH = 0.9
VIEW = "scene"


def in_turn(episodes: Sequence[Interval], seed: int) -> Spoiler:
    """Each trouble in its time, nothing in between."""
    made = [(e, make_spoiler(e.name, seed + i, STRENGTH)) for i, e in enumerate(episodes)]

    def spoil(item: Step | Tick) -> Step | Tick:
        now_s = (
            (item.t_ns - item.origin_ns) / 1e9 if isinstance(item, Tick) else item.index / GRID_HZ
        )
        for episode, own in made:
            if episode.start_s <= now_s < episode.end_s:
                item = own(item)
        return item

    return spoil


def troubled_scene(store: WeatherStore, row: Row) -> Encoded:
    """The scene with ``EPISODES``, encoded once and kept.  Raises: MediaError, ModelError."""
    views = store.views
    if views.missing(row, [VIEW]):
        from edge.encoders.openvino import OpenVinoBackend

        models = ModelStore(views.models)
        inputs = read_inputs(open_row(row), in_turn(EPISODES, 0), load_finder(models))
        if not inputs.parts:
            raise MediaError(f"{row.path}: holds nothing to judge; check that it is not empty")
        encoders = load_encoders(models, OpenVinoBackend(1), MODALITIES)
        views.save(row, VIEW, inputs, encoded_by(encoders, inputs))
    return views.load(row, VIEW)
