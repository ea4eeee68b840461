from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.vocabulary import ACTIONS
from engines.training.cache import Clip, Target
from engines.training.labels import Label
from engines.training.manifest import Row
from engines.training.plan import PRESETS, lanes, make_plan, plan_lines
from engines.training.sampling import balanced_weights, class_name

torch = pytest.importorskip("torch", reason="needs the extra: train")


def allowed(*names: str) -> np.ndarray:
    return Label(frozenset(names)).action_mask()


def test_a_window_of_which_nothing_is_known_costs_nothing() -> None:
    from engines.training.losses import allowed_nll, allowed_nll_of_probabilities

    logits = torch.randn(2, len(ACTIONS))
    mask = torch.from_numpy(np.stack([allowed(*ACTIONS), allowed("fall")]))
    loss = allowed_nll(logits, mask)
    assert loss[0] == 0
    assert loss[1] > 0
    mixed = allowed_nll_of_probabilities(logits.softmax(dim=1), mask)
    assert torch.allclose(loss, mixed, atol=1e-4)


def test_a_negative_label_punishes_only_the_excluded_action() -> None:
    from engines.training.losses import allowed_nll

    mask = torch.from_numpy(allowed(*[a for a in ACTIONS if a != "violence"]))[None]
    logits = torch.zeros(1, len(ACTIONS))
    calm, angry = logits.clone(), logits.clone()
    calm[0, ACTIONS.index("walk")] = 3
    angry[0, ACTIONS.index("violence")] = 3
    assert allowed_nll(calm, mask) < allowed_nll(angry, mask)


def test_unknown_sounds_do_not_enter_the_loss() -> None:
    from engines.training.losses import known_bce

    logits = torch.tensor([[9.0, -2.0]], requires_grad=True)
    targets = torch.tensor([[float("nan"), 1.0]])
    loss = known_bce(logits, targets, torch.ones(2))
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad[0, 0] == 0
    assert logits.grad[0, 1] < 0


def window(dataset: str, *names: str) -> tuple[Clip, Target]:
    row = Row(Path("x"), "x", dataset, "rgb", "x", "g")
    mask = allowed(*names)
    return Clip(row, Label(), Path("x")), Target(mask, np.zeros(10, np.float32))


def test_rare_classes_are_drawn_as_often_as_frequent_ones() -> None:
    pairs = [window("rooms", "walk")] * 9 + [window("rooms", "fall")]
    pairs += [window("surv_fight", "violence")] * 2
    clips, targets = zip(*pairs, strict=True)
    weights = balanced_weights(clips, targets, {"rooms": 0.6, "surv_fight": 0.4})
    assert weights.sum() == pytest.approx(1)
    assert weights[:9].sum() == pytest.approx(weights[9])
    assert weights[10:].sum() == pytest.approx(0.4)


def test_classes_are_named_by_what_they_allow() -> None:
    assert class_name(window("x", "fall")[1]) == "fall"
    assert class_name(window("x", *ACTIONS)[1]) == "unknown"
    assert class_name(window("x", *ACTIONS[:-1])[1]) == "not violence"


def test_the_plan_fits_its_budget() -> None:
    preset = PRESETS["quick"]
    plan = make_plan(preset, 40, None, 2)
    render_minutes = plan.clips * 2.6 / 60 / 2
    training = 40 - render_minutes - plan.closing_minutes
    assert training > 10
    for lane in lanes(preset, training, 2, 0):
        assert sum(s.minutes for s in lane) <= training
    serial = lanes(preset, training, 1, 0)
    assert sum(s.minutes for lane in serial for s in lane) <= training
    assert "40 minutes" in plan_lines(plan, preset, 2)[0]
