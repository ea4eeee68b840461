from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.errors import MediaError
from edge.vocabulary import MODALITIES, Modality
from engines.benchmarks.features import Encoded
from engines.benchmarks.pretexts.views import ViewStore
from engines.benchmarks.weather import store as weather_store
from engines.benchmarks.weather.conditions import Condition, at_strength
from engines.benchmarks.weather.store import (
    Held,
    Order,
    WeatherStore,
    changed_side,
    over,
    spoiled_inputs,
)
from engines.training.cache import cached_path
from engines.training.datasets import read_inputs, save_inputs
from engines.training.manifest import Row

DARK, NOISY = at_strength("dark", 0.9), at_strength("noisy_sound", 0.9)


@pytest.fixture
def row(tmp_path: Path) -> Row:
    path = tmp_path / "clip.mcap"
    path.write_bytes(b"")
    return Row(path, path.name, "rooms", "rgb+depth+audio", "walk", "body1|seed1")


@pytest.fixture
def store(tmp_path: Path) -> WeatherStore:
    return WeatherStore(ViewStore(tmp_path / "weather", tmp_path), tmp_path / "inputs")


def encoded(row: Row, source: Held, value: float) -> Encoded:
    inputs = read_inputs(source)
    features = {
        m: np.full((len(part.places), 256), value, np.float16) for m, part in inputs.parts.items()
    }
    return Encoded(row, "g", inputs, features)


def test_only_the_changed_side_differs_from_the_clip_as_it_is(row: Row, source: Held) -> None:
    clean, other = encoded(row, source, 1.0), encoded(row, source, 2.0)
    for condition in (DARK, NOISY):
        side = changed_side(condition)
        part = replace(
            other,
            inputs=replace(other.inputs, parts={m: other.inputs.parts[m] for m in side}),
            features={m: other.features[m] for m in side},
        )
        both = over(clean, part, condition)
        values = {m: float(both.features[m][0, 0]) for m in MODALITIES}
        assert values == {m: 2.0 if m in side else 1.0 for m in MODALITIES}
        assert set(both.inputs.parts) == set(MODALITIES)


def test_a_modality_that_was_lost_stays_lost(row: Row, source: Held) -> None:
    clean = encoded(row, source, 1.0)
    nothing = replace(clean, inputs=replace(clean.inputs, parts={}), features={})
    assert set(over(clean, nothing, DARK).features) == {Modality.AUDIO}


def test_what_is_kept_is_not_made_again(row: Row, source: Held, store: WeatherStore) -> None:
    order = Order(row, (DARK, NOISY))
    assert store.missing(order) == order
    clean = encoded(row, source, 1.0)
    sound = {Modality.AUDIO: clean.features[Modality.AUDIO]}
    store.views.save(row, NOISY.name, clean.inputs, sound)
    assert store.missing(order).conditions == (DARK,)
    assert store.load(clean, DARK) is None
    with pytest.raises(MediaError, match="dark"):
        store.load_all([clean], DARK)
    assert store.load_all([clean], NOISY)[0].features[Modality.AUDIO].shape[1] == 256


def test_a_clip_is_read_once_for_all_conditions(
    row: Row, source: Held, store: WeatherStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(weather_store, "open_row", lambda r: opened.append(r) or source)
    made = dict(spoiled_inputs(Order(row, (DARK, NOISY)), store.inputs, None, None))
    assert len(opened) == 1
    dark, clean = made[DARK].parts[Modality.RGB], read_inputs(source).parts[Modality.RGB]
    assert dark.tensors.mean() < 0.5 * clean.tensors.mean()
    assert set(made[NOISY].parts) == {Modality.AUDIO}


def test_what_a_training_left_is_not_made_again(
    row: Row, source: Held, store: WeatherStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = read_inputs(source)
    save_inputs(cached_path(store.inputs, row, "frozen"), inputs)
    monkeypatch.setattr(weather_store, "open_row", lambda r: pytest.fail("opened"))
    order = Order(row, (Condition("frozen", training=True),))
    ((_, found),) = spoiled_inputs(order, store.inputs, None, None)
    assert set(found.parts) == {Modality.RGB, Modality.FLOW, Modality.DEPTH}
    assert np.array_equal(found.parts[Modality.RGB].tensors, inputs.parts[Modality.RGB].tensors)
