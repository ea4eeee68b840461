"""Speed is a user's figure, never a condition: only what is compared is checked here."""

from __future__ import annotations

from typing import Any

from engines.quantize.speed import Speed, compare_speed


def test_the_ratio_says_how_many_times_faster_int8_is() -> None:
    assert Speed(fp32_ms=3.0, int8_ms=2.0).ratio == 1.5


def test_both_graphs_run_on_the_same_frames(net: Any) -> None:
    speed = compare_speed(net.onnx, net.onnx, net.frames(1), rounds=2)
    assert speed.fp32_ms > 0
    assert speed.int8_ms > 0
