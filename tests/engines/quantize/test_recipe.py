"""From histograms to a graph: rules compared, layers measured, the worst ones kept in float."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from edge.encoders.openvino import OpenVinoBackend
from engines.quantize import recipe
from engines.quantize.fidelity import Fidelity
from engines.quantize.ranges import METHODS, ranges_of
from engines.quantize.recipe import Quantised, Trial, Watch, candidates, fidelity_of, refined
from engines.quantize.sensitivity import layer_errors

pytestmark = pytest.mark.usefixtures("exact_int8")


def plain(items: Iterable[Any], _total: int) -> Iterator[Any]:
    return iter(items)


def watched(net: Any, frames: np.ndarray) -> Watch:
    watch = Watch(net.original)
    watch.run(frames)
    return watch


def best_of(net: Any, seen: Any, checks: np.ndarray, *methods: str) -> Quantised:
    trial = Trial(net.original, candidates(net.original, seen, methods or tuple(METHODS)))
    trial.run(checks)
    return trial.best()


def test_watching_gives_the_features_and_counts_what_becomes_int8(net: Any) -> None:
    frames = net.frames()
    watch = Watch(net.original)
    features = np.concatenate([watch.run(frames[:9]), watch.run(frames[9:])])
    np.testing.assert_allclose(features, OpenVinoBackend(1).load(net.onnx).run(frames), atol=1e-5)
    assert list(watch.seen) == ["input", "a_relu", "flat", "b"]
    assert watch.seen["input"].largest == np.abs(frames).max()
    assert watch.seen["input"].counts.sum() == frames.size


def test_a_watch_goes_on_where_another_stopped(net: Any) -> None:
    frames = net.frames()
    first = watched(net, frames[:9])
    second = Watch(net.original, first.seen)
    second.run(frames[9:])
    whole = watched(net, frames)
    assert second.seen["flat"].largest == whole.seen["flat"].largest
    np.testing.assert_array_equal(second.seen["b"].counts, whole.seen["b"].counts)


def test_int8_features_are_close_to_those_of_fp32(net: Any) -> None:
    best = best_of(net, watched(net, net.frames()).seen, net.frames(seed=1))
    assert set(best.found) == set(METHODS)
    assert best.fidelity == best.found[best.method]
    assert best.fidelity.cosine > 0.99
    assert best.kept == ()


@pytest.mark.parametrize(("gain_db", "taken"), [(0.5, "min_max"), (1.5, "percentile")])
def test_a_rule_that_clips_more_must_be_clearly_better(
    net: Any, monkeypatch: pytest.MonkeyPatch, gain_db: float, taken: str
) -> None:
    found = {"min_max": Fidelity(0.99, 0.9, 20, 9), "percentile": Fidelity(1, 1, 20 + gain_db, 9)}
    trial = Trial(net.original, dict.fromkeys(found, net.onnx))
    monkeypatch.setattr(Trial, "results", lambda self: found)
    assert trial.best().method == taken


def test_every_layer_is_measured_alone_and_in_the_whole(net: Any) -> None:
    frames = net.frames()
    seen = watched(net, frames).seen
    errors = layer_errors(net.onnx, ranges_of(seen, "min_max"), [], [frames], plain)
    assert [error.name for error in errors] == ["/a", "/b", "/c"]
    graph = candidates(net.original, seen, ["min_max"])["min_max"]
    everything = fidelity_of(net.original, graph, [frames])
    assert all(error.alone_db > everything.sqnr_db for error in errors)
    assert all(10 < error.output_db < 60 for error in errors)


def hard_to_quantise(make_net: Callable[..., Any]) -> Any:
    """Of the input of /c, one channel is far larger than those that matter."""
    rng = np.random.default_rng(5)
    inner = rng.normal(0, 0.3, (4, 4, 3, 3)).astype(np.float32)
    inner[0] *= 30_000
    outer = np.abs(rng.normal(0, 1, (8, 4))).astype(np.float32)
    outer[:, 0] = 0
    return make_net(b_weight=inner, c_weight=outer)


def test_the_layer_that_does_not_bear_int8_is_found_and_stays_float(
    make_net: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = hard_to_quantise(make_net)
    monkeypatch.setattr(recipe, "MOST_KEPT", 0.4)
    checks = net.frames(seed=1)
    seen = watched(net, net.frames()).seen
    rough = best_of(net, seen, checks, "min_max")
    assert rough.fidelity.cosine < recipe.AIM_COSINE
    fine = refined(rough, seen, [checks], plain, 1)
    assert fine.kept[0] == "/c"
    assert fine.fidelity.cosine > rough.fidelity.cosine
    assert fine.found == rough.found


def test_no_more_layers_stay_float_than_their_share(
    make_net: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = hard_to_quantise(make_net)
    monkeypatch.setattr(recipe, "AIM_COSINE", 1.1)
    monkeypatch.setattr(recipe, "MOST_KEPT", 0.6)  # of three
    seen = watched(net, net.frames()).seen
    fine = refined(best_of(net, seen, net.frames(seed=1)), seen, [net.frames(seed=1)], plain, 1)
    assert len(fine.kept) == 1
