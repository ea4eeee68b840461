from __future__ import annotations

import numpy as np
import pytest

from edge.vocabulary import ACTIONS
from engines.training.labels import Label

torch = pytest.importorskip("torch", reason="needs the extra: train")


def allowed(*names: str) -> np.ndarray:
    return Label(frozenset(names)).action_mask()


def test_a_window_of_which_nothing_is_known_costs_nothing() -> None:
    from engines.training.losses import allowed_nll

    logits = torch.randn(2, len(ACTIONS))
    mask = torch.from_numpy(np.stack([allowed(*ACTIONS), allowed("fall")]))
    loss = allowed_nll(logits, mask)
    assert loss[0] == 0
    assert loss[1] > 0


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
