from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from engines.models.lite import (  # noqa: E402  # needs torch
    SameConv,
    build_blocks,
    imagenet_normalise,
    readable_names,
)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_padding_is_tensorflows(kernel: int, stride: int) -> None:
    side = 8
    conv = SameConv(1, 1, kernel, stride)
    x = torch.randn(1, 1, side, side)
    total = max((side // stride - 1) * stride + kernel - side, 0)
    before = total // 2
    padded = torch.nn.functional.pad(x, (before, total - before, before, total - before))
    expected = torch.nn.functional.conv2d(padded, conv.weight, stride=stride)
    torch.testing.assert_close(conv(x), expected)


def test_published_names_become_readable_and_the_classifier_is_left_out() -> None:
    one = torch.ones(1)
    published = ("_conv_stem.weight", "_blocks.3._bn1.running_mean", "_fc.weight")
    assert set(readable_names(dict.fromkeys(published, one))) == {
        "stem.conv.weight",
        "blocks.3.depthwise.norm.running_mean",
    }


def test_there_are_sixteen_blocks_and_the_first_few_can_be_had_alone() -> None:
    assert len(build_blocks()) == 16
    assert len(build_blocks(2)) == 2


def test_mid_grey_is_zero() -> None:
    rgb = torch.from_numpy(np.full((1, 2, 2, 3), 127, np.uint8))
    assert imagenet_normalise(rgb).abs().max() == 0
