from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge.fusion.parameters import QUALITY_CUES
from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS
from engines.training.cache import Clip, Target
from engines.training.features import GateWindows
from engines.training.labels import Label
from engines.training.manifest import Row
from engines.training.opinions import calibrate, held_out_loss, opinions, softmax

if TYPE_CHECKING:
    from engines.models.fusion import FusionNet

torch = pytest.importorskip("torch", reason="needs the extra: train")

WALK, FALL = ACTIONS.index("walk"), ACTIONS.index("fall")


def windows(count: int = 40) -> GateWindows:
    """Falls and walks told apart by the first feature, but for one in eight."""
    m = len(MODALITIES)
    features = np.zeros((count, m, VIDEO_STEPS, FEATURE_DIM), np.float16)
    features[:, :, :, 0] = np.where(np.arange(count) % 2, 1, -1)[:, None, None]
    features[::8] *= -1
    valid = np.zeros((count, m, VIDEO_STEPS), np.bool_)
    valid[:, :2, -4:] = True
    names = ["fall" if i % 2 else "walk" for i in range(count)]
    unknown = np.full(len(SOUNDS), np.nan, np.float32)
    targets = [Target(Label(frozenset({name})).action_mask(), unknown) for name in names]
    clip = Clip(Row(Path("a"), "a", "rooms", "rgb", "walk", "g"), Label(), Path("a.npz"))
    quality = np.ones((count, m, len(QUALITY_CUES)), np.float32)
    return GateWindows(features, valid, quality, tuple(targets), (clip,) * count)


def overconfident() -> FusionNet:
    from engines.models.fusion import FusionNet

    torch.manual_seed(0)
    net = FusionNet()
    with torch.no_grad():
        net.temporal_kernel.zero_()
        net.expert_weight.zero_()
        net.expert_weight[:, FALL, 0], net.expert_weight[:, WALK, 0] = 6.0, -6.0
    return net


def test_calibration_tempers_an_overconfident_expert_and_keeps_its_choices() -> None:
    net, held_out = overconfident(), windows()
    before, choices = held_out_loss(net, held_out), opinions(net, held_out).logits.argmax(axis=2)
    facts = calibrate(net, held_out)
    assert facts["temperature_rgb"] > 1.5
    assert held_out_loss(net, held_out) < before
    np.testing.assert_array_equal(opinions(net, held_out).logits.argmax(axis=2), choices)


def test_an_expert_that_is_never_present_is_left_alone() -> None:
    net = overconfident()
    absent = net.expert_weight[3].detach().clone()
    facts = calibrate(net, windows())
    assert "temperature_audio" not in facts
    assert torch.equal(net.expert_weight[3], absent)
    assert facts["held_out_rooms_gate"] == pytest.approx(0.875)


def test_a_softmax_of_large_logits_sums_to_one() -> None:
    assert softmax(np.array([[1e4, 0.0]], np.float32)).tolist() == [[1.0, 0.0]]
