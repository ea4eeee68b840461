from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.decision.rules import rule_for
from edge.errors import UsageError
from edge.settings import AlarmRule, DecisionSettings
from edge.values import Fused
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, AlarmClass
from engines.benchmarks.streams.choices import as_yaml, print_chosen
from engines.benchmarks.streams.choose import (
    DECISIONS,
    Aim,
    Chosen,
    Scenes,
    Trials,
    choose,
    persons_in_halves,
)
from engines.benchmarks.streams.events import SceneTruth
from engines.benchmarks.streams.trace import Trace, decided, trace_of

pytest.importorskip("scipy", reason="needs scipy (the extra train)")
pytest.importorskip("yaml", reason="needs PyYAML")

Tell = Callable[..., SceneTruth]
FALL = AlarmClass.FALL
START = DecisionSettings(
    fall=AlarmRule(enter=0.3, exit=0.15, decisions=1),
    on_floor=AlarmRule(enter=0.3, exit=0.15, decisions=6),
    violence=AlarmRule(enter=0.66, exit=0.33, decisions=2),
)
AIM = Aim(floor=0.9, price_per_hour=50.0, budget_per_hour=2.0)


def trace(name: str, **high: tuple[float, float, float]) -> Trace:
    """Sixty seconds; class=(from, to, score) lifts a score for a while."""
    decisions = []
    for index in range(2, 121):
        actions = np.full(len(ACTIONS), 0.01, np.float32)
        for word, (start_s, end_s, score) in high.items():
            if start_s <= index / 2 < end_s:
                actions[ACTIONS.index(word)] = score
        decisions.append(Fused(
            room=name, t_ns=index * 500_000_000, origin_ns=0, actions=actions,
            sounds=np.zeros(len(SOUNDS), np.float32), experts=None,
            gate=dict.fromkeys(MODALITIES, 0.25), missing={},
        ))  # fmt: skip
    return trace_of(name, decisions)


@pytest.fixture
def scenes(tell: Tell) -> Scenes:
    """Falls score .82 for 1.5 s; crouching scores .9 for a moment, or .55 for long."""
    pairs = []
    for number in range(4):
        fallen = tell(("fall", 20.0, 21.2), ("on_floor", 21.2, 40.0), person=f"{number}")
        pairs.append((trace(f"f{number}", fall=(20.5, 22, 0.82), on_floor=(22, 40, 0.9)), fallen))
        crouched = tell(("crouch_pick_up", 30.0, 34.0), person=f"{number}")
        pairs.append((trace(f"m{number}", fall=(31, 31.5, 0.9)), crouched))
        pairs.append((trace(f"l{number}", fall=(31, 33, 0.55)), crouched))
    return pairs


@pytest.fixture
def chosen(scenes: Scenes) -> Chosen:
    return choose(scenes, START, AIM, lambda *now: None)


def test_the_rule_that_finds_all_falls_and_nothing_else_is_taken(chosen: Chosen) -> None:
    assert chosen.settings.fall == AlarmRule(enter=0.6, exit=0.3, decisions=2)
    before, after = chosen.before.of(FALL), chosen.after.of(FALL)
    assert (before.detected, before.false_alarms) == (4, 8)
    assert (after.detected, after.false_alarms) == (4, 0)


def test_a_class_without_events_keeps_its_rule(chosen: Chosen) -> None:
    assert chosen.settings.violence == START.violence
    assert {c.alarm_class: c.taken is None for c in chosen.choices}[AlarmClass.VIOLENCE]


def test_each_half_of_the_persons_is_judged_by_the_choice_of_the_other(
    chosen: Chosen, scenes: Scenes
) -> None:
    assert chosen.persons == 4
    assert chosen.strangers is not None
    assert (chosen.strangers.scenes, chosen.strangers.of(FALL).detected) == (12, 4)
    halves = persons_in_halves(scenes)
    persons = [{scenes[i][1].person for i in half} for half in halves]
    assert sorted(len(half) for half in persons) == [2, 2]
    assert not persons[0] & persons[1]
    assert sorted([*halves[0], *halves[1]]) == list(range(12))


def test_rare_false_alarms_do_not_count_against_the_more_sensitive_rule(tell: Tell) -> None:
    """Three of four falls score high; the fourth is found only with a false alarm."""
    pairs = [
        (trace(f"f{n}", fall=(20.5, 22, score)), tell(("fall", 20.0, 21.2), person=str(n)))
        for n, score in enumerate((0.96, 0.96, 0.96, 0.62))
    ]
    pairs.append((trace("c", fall=(31, 33, 0.66)), tell(("crouch_pick_up", 30.0, 34.0))))
    taken = [
        choose(pairs, START, aim, lambda *now: None).after
        for aim in (Aim(0.7, 20, 0), Aim(0.7, 20, 20), Aim(0.7, 100, 0), Aim(0.8, 20, 0))
    ]
    found = [(s.of(FALL).detected, s.of(FALL).false_alarms) for s in taken]
    assert found == [(3, 0), (4, 1), (4, 1), (4, 1)]  # cheap, free, worth it, needed


def test_scenes_of_the_test_side_choose_nothing(tell: Tell, scenes: Scenes) -> None:
    secret = (trace("t", fall=(20, 22, 0.9)), tell(split="test"))
    with pytest.raises(UsageError, match="training scenes alone; hand-made is not"):
        choose([*scenes, secret], START, AIM, lambda *now: None)
    with pytest.raises(UsageError, match="there is none"):
        choose([], START, AIM, lambda *now: None)


@pytest.mark.parametrize("kind", DECISIONS)
def test_one_class_alone_gives_what_all_together_give(
    kind: AlarmClass, scenes: Scenes, tell: Tell
) -> None:
    loud = trace("x", fall=(5, 7, 0.9), on_floor=(7, 20, 0.9), violence=(30, 40, 0.9))
    pairs = [*scenes, (loud, tell(("violence", 29.0, 41.0)))]
    alarms = [a for t, _ in pairs for a in decided(t, START) if a.alarm_class is kind]
    point = Trials(pairs).point(range(len(pairs)), kind, START)
    whole = Trials(pairs).summary([(range(len(pairs)), START)]).of(kind)
    assert (point.detected, point.false_alarms) == (whole.detected, whole.false_alarms)
    assert whole.detected + whole.false_alarms + whole.repeated + whole.excused == len(alarms)


def test_the_choice_is_printed_as_tables_and_configuration(
    chosen: Chosen, capsys: pytest.CaptureFixture[str]
) -> None:
    import yaml

    print_chosen(chosen)
    said = capsys.readouterr().out
    assert "taken" in said
    assert "violence: no event to choose by; its rule stays" in said
    assert "the shipped rules (4 persons): 12 scenes, 0.20 hours" in said
    told = yaml.safe_load("\n".join(as_yaml(chosen.settings)))
    again = DecisionSettings.model_validate(told["decision"])
    assert all(rule_for(k, again) == rule_for(k, chosen.settings) for k in DECISIONS)
    assert as_yaml(chosen.settings)[1] in said


def test_rules_that_no_other_beats_are_ordered_by_what_they_find(chosen: Chosen) -> None:
    front = next(c for c in chosen.choices if c.alarm_class is FALL).front()
    found = [(point.detected, point.false_alarms) for point in front]
    assert found == sorted(found, key=lambda pair: (-pair[0], pair[1]))
    assert (4, 0) in found
