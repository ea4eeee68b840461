from __future__ import annotations

from engines.training.plan import CPU_S_PER_CLIP, PRESETS, lanes, make_plan, plan_lines


def test_the_plan_fits_its_budget() -> None:
    preset = PRESETS["quick"]
    plan = make_plan(preset, 40, None, 2)
    render_minutes = plan.clips * CPU_S_PER_CLIP / 60 / 2
    training = 40 - render_minutes - plan.closing_minutes
    assert training > 10
    for lane in lanes(preset, training, 2, 0):
        assert sum(s.minutes for s in lane) <= training
    serial = lanes(preset, training, 1, 0)
    assert sum(s.minutes for lane in serial for s in lane) <= training
    assert "40 minutes" in plan_lines(plan, preset)[0]
