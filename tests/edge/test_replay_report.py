from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console

from edge.replay_report import render, spans
from edge.values import Decision, Fused, Reason
from edge.vocabulary import ACTIONS, MODALITIES, Modality


def decision(t_s: float, action: str | None, score: float = 0.9) -> Decision:
    actions = None
    if action is not None:
        actions = np.zeros(len(ACTIONS), np.float32)
        actions[ACTIONS.index(action)] = score
    gate = dict.fromkeys(MODALITIES, 0.25)
    missing = {Modality.DEPTH: Reason.ABSENT}
    t_ns = 7_000_000_000 + round(t_s * 1e9)
    return Decision(Fused("r", t_ns, 7_000_000_000, actions, None, None, gate, missing), ())


def test_neighbouring_decisions_of_one_activity_are_one_span() -> None:
    joined = spans([decision(1, "walk"), decision(1.5, "walk", 0.7), decision(2, "sit")])
    assert [(s.action, s.start_s, s.end_s) for s in joined] == [("walk", 1, 1.5), ("sit", 2, 2)]
    assert abs(joined[0].confidence - 0.8) < 1e-6


def test_the_report_says_when_nothing_could_be_decided() -> None:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(render(Path("film.mp4"), [decision(1, None), decision(1.5, "walk")]))
    shown = capture.get()
    assert "film.mp4" in shown
    assert "no decision" in shown
    assert "depth 100% of the time (absent)" in shown
    assert "alarms: none" in shown
