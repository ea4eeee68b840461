from __future__ import annotations

import pytest

from edge.vocabulary import Modality
from engines.training.finetune import FinetuneSettings, affordable, schedule

SETTINGS = FinetuneSettings(Modality.RGB, steps=900, minutes=10)


def test_the_rate_warms_up_then_falls_to_almost_nothing() -> None:
    rates = [schedule(i / 100) for i in range(101)]
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates.index(max(rates)) == 5
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(0.01)


@pytest.mark.parametrize(("seconds", "steps"), [(0.1, 900), (1.0, 600), (1e6, 8)])
def test_steps_that_do_not_fit_the_minutes_are_not_made(seconds: float, steps: int) -> None:
    assert affordable(SETTINGS, seconds) == steps
