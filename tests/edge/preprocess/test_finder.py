from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from edge.errors import ModelError
from edge.models import ModelStore, load_finder
from edge.preprocess.finder import (
    FINDER_FILE,
    GRID_COLUMNS,
    GRID_ROWS,
    OUTPUTS,
    Person,
    PersonFinder,
    channels_of,
    overlap,
    people_of,
    small_depth,
)
from edge.sources.recording import Recording
from edge.values import Stream

DATA = Path(str(files("edge") / "data"))


@pytest.fixture(scope="module")
def finder() -> PersonFinder:
    shipped = load_finder(ModelStore())
    assert shipped is not None
    return shipped


@pytest.fixture(scope="module")
def demo() -> list[tuple[np.ndarray, list[int] | None]]:
    truth = json.loads((DATA / "demo.truth.json").read_text(encoding="utf-8"))
    samples = Recording(DATA / "demo.mcap").samples(frozenset({Stream.DEPTH}))
    return list(zip([s.data for s in samples], truth["boxes"], strict=False))[::10]


def test_the_shipped_finder_finds_who_is_in_the_demo(
    finder: PersonFinder, demo: list[tuple[np.ndarray, list[int] | None]]
) -> None:
    seen = [(depth, box) for depth, box in demo if box is not None]
    found = 0
    for depth, (left, top, right, bottom) in seen:
        true = Person(1.0, left / 320, top / 240, (right + 1) / 320, (bottom + 1) / 240)
        found += any(overlap(person, true) > 0.4 for person in finder.find(depth)[:2])
    assert found > 0.7 * len(seen)
    assert len(seen) > 20


def test_the_same_picture_gives_the_same_people(
    finder: PersonFinder, demo: list[tuple[np.ndarray, list[int] | None]]
) -> None:
    again = load_finder(ModelStore())
    assert again is not None
    for depth, _ in demo[:3]:
        first = finder.find(depth)
        finder.find(demo[-1][0])
        assert finder.find(depth) == first == again.find(depth)


@pytest.mark.parametrize("scale", [2, 0.5])
def test_the_resolution_of_the_camera_hardly_matters(
    finder: PersonFinder, demo: list[tuple[np.ndarray, list[int] | None]], scale: float
) -> None:
    depth = demo[len(demo) // 2][0]
    height, width = (round(side * scale) for side in depth.shape)
    rows = np.arange(height) * depth.shape[0] // height
    columns = np.arange(width) * depth.shape[1] // width
    here, there = finder.find(depth)[0], finder.find(depth[np.ix_(rows, columns)])[0]
    assert overlap(here, there) > 0.7


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    source = ModelStore()
    data = source.read(FINDER_FILE)
    manifest = (source.directory / "manifest.json").read_text(encoding="utf-8")
    (tmp_path / "manifest.json").write_text(manifest, encoding="utf-8")
    (tmp_path / FINDER_FILE).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ModelError, match=r"finder\.onnx: the model file is damaged"):
        load_finder(ModelStore(tmp_path))


def test_a_directory_without_a_finder_has_none(tmp_path: Path) -> None:
    manifest = {"format": 1, "name": "old", "files": {}, "trained_on": []}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert load_finder(ModelStore(tmp_path)) is None


def test_what_is_not_a_network_is_refused() -> None:
    with pytest.raises(ValueError, match="not a network"):
        PersonFinder(b"nothing of the kind")


def test_blocks_without_readings_stay_empty_and_others_are_averaged() -> None:
    depth = np.full((256, 320), 2_000, np.uint16)
    depth[:4, :4] = 0
    depth[4:8, :2] = 1_000
    depth[8:12, :4] = [0, 0, 1_500, 1_500]
    small = small_depth(depth)
    assert small[:4, 0].tolist() == [0, 1_500, 1_500, 2_000]


def test_a_flat_wall_has_no_relief_and_what_stands_before_it_has() -> None:
    small = np.full((64, 80), 3_000, np.uint16)
    assert np.allclose(channels_of(small)[2], 0, atol=1e-5)
    small[20:40, 30:38] = 2_000
    relief = channels_of(small)[2]
    assert relief[30, 34] > 0.3
    assert relief[30, 28] < 0


def test_one_peak_with_two_neighbours_is_one_person() -> None:
    output = np.full((OUTPUTS, GRID_ROWS, GRID_COLUMNS), 0.01, np.float32)
    output[1:] = 0.125
    output[0, 8, 9:12] = [0.5, 0.9, 0.6]
    (person,) = people_of(output)
    assert person.score == pytest.approx(0.9)
    assert person.left == pytest.approx(10.5 / GRID_COLUMNS - 0.125)
    assert person.bottom == pytest.approx(8.5 / GRID_ROWS + 0.125)


def test_overlap_is_one_for_the_same_box_and_none_for_boxes_apart() -> None:
    box = Person(1.0, 0.1, 0.1, 0.3, 0.5)
    assert overlap(box, box) == pytest.approx(1)
    assert overlap(box, Person(1.0, 0.2, 0.1, 0.4, 0.5)) == pytest.approx(1 / 3)
    assert overlap(box, Person(1.0, 0.5, 0.1, 0.6, 0.5)) == 0
