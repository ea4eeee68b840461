from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.compose import make_decider
from edge.errors import MediaError
from edge.settings import AlarmRule, DecisionSettings
from edge.values import Fused
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, AlarmClass
from engines.benchmarks.streams.events import SceneTruth
from engines.benchmarks.streams.match import Verdict, match
from engines.benchmarks.streams.sweep import operating_curve, with_rule
from engines.benchmarks.streams.trace import (
    Trace,
    alarms_of,
    decided,
    evidence,
    load_trace,
    save_trace,
    trace_of,
)

SETTINGS = DecisionSettings(
    fall=AlarmRule(enter=0.8, exit=0.4, decisions=1, renew_s=5),
    on_floor=AlarmRule(enter=0.3, exit=0.15, decisions=6),
    distress_call=AlarmRule(enter=0.85, exit=0.4, decisions=2),
)
ORIGIN_NS = 7_000_000_000


def scores(**high: tuple[float, float, float]) -> list[Fused]:
    """Sixty seconds of decisions; name=(from, to, score) lifts a class for a while."""
    decisions = []
    for index in range(2, 121):
        t_s = index / 2
        actions = np.full(len(ACTIONS), 0.01, np.float32)
        sounds = np.full(len(SOUNDS), 0.02, np.float32)
        for name, (start_s, end_s, score) in high.items():
            if start_s <= t_s < end_s:
                row, words = (actions, ACTIONS) if name in ACTIONS else (sounds, SOUNDS)
                row[words.index(name)] = score
        decisions.append(Fused(
            room="room", t_ns=ORIGIN_NS + round(t_s * 1e9), origin_ns=ORIGIN_NS, actions=actions,
            sounds=None if index % 9 == 0 else sounds, experts=None,
            gate=dict.fromkeys(MODALITIES, 0.25), missing={},
        ))  # fmt: skip
    return decisions


def test_kept_scores_raise_the_same_alarms_as_the_replay() -> None:
    fused = scores(fall=(20, 21.5, 0.9), on_floor=(21.5, 50, 0.9), scream=(30, 33, 0.9))
    decider = make_decider("room", SETTINGS, "replay", "digest")
    live = alarms_of(decider.decide(f) for f in fused)
    assert decided(trace_of("room", fused), SETTINGS) == live
    assert [alarm.alarm_class for alarm in live] == [AlarmClass.FALL, AlarmClass.DISTRESS_CALL]
    assert live[0].t_s == pytest.approx(20.0)
    assert live[0].long_lie_s is not None
    assert live[0].long_lie_s > 30


def test_a_trace_survives_being_written(tmp_path: Path) -> None:
    trace = trace_of("room", scores(fall=(20, 21, 0.9)))
    again = load_trace(save_trace(trace, tmp_path))
    assert (again.name, again.origin_ns) == ("room", ORIGIN_NS)
    np.testing.assert_array_equal(again.sounds, trace.sounds)
    assert decided(again, SETTINGS) == decided(trace, SETTINGS)
    assert again.watched_s == pytest.approx(60.0)


def test_a_file_that_is_no_trace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.npz"
    path.write_text("nothing")
    with pytest.raises(MediaError, match="not the scores"):
        load_trace(path)
    with pytest.raises(MediaError, match="too short"):
        trace_of("room", [])


def curve_of(traces: list[Trace], scenes: list[SceneTruth]) -> list[tuple[float, int, int]]:
    pytest.importorskip("scipy", reason="needs scipy (the extra train)")
    points = operating_curve(traces, scenes, AlarmClass.FALL, SETTINGS, (0.3, 0.6, 0.95))
    return [(point.enter, point.detected, point.false_alarms) for point in points]


def test_a_higher_threshold_trades_false_alarms_for_falls(
    tell: Callable[..., SceneTruth],
) -> None:
    fallen = tell(("fall", 20.0, 21.2), ("on_floor", 21.2, 40.0))
    crouched = tell(("crouch_pick_up", 20.0, 24.0))
    traces = [
        trace_of("a", scores(fall=(20.5, 22, 0.8))),
        trace_of("b", scores(fall=(22, 23, 0.5))),
    ]
    assert curve_of(traces, [fallen, crouched]) == [(0.3, 1, 1), (0.6, 1, 0), (0.95, 0, 0)]


def test_a_fall_soon_after_a_false_alarm_is_masked_by_it(tell: Callable[..., SceneTruth]) -> None:
    pytest.importorskip("scipy", reason="needs scipy (the extra train)")
    scene = tell(("fall", 20.0, 21.2), ("on_floor", 21.2, 40.0))
    trace = trace_of("a", scores(fall=(10, 25, 0.9)))
    result = match(scene, decided(trace, SETTINGS), 60.0, evidence(trace, SETTINGS))
    assert [judged.verdict for judged in result.alarms] == [Verdict.FALSE]
    assert [outcome.is_masked for outcome in result.outcomes] == [True]
    missed = trace_of("b", scores(fall=(10, 11, 0.9)))
    result = match(scene, decided(missed, SETTINGS), 60.0, evidence(missed, SETTINGS))
    assert [outcome.is_masked for outcome in result.outcomes] == [False]


def test_another_threshold_keeps_the_hysteresis_and_the_other_classes() -> None:
    changed = with_rule(SETTINGS, AlarmClass.FALL, 0.8, decisions=3)
    assert changed.fall.exit == pytest.approx(0.8 * SETTINGS.fall.exit / SETTINGS.fall.enter)
    assert (changed.fall.decisions, changed.fall.renew_s) == (3, 5)
    assert changed.violence == SETTINGS.violence
