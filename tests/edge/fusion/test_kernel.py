"""What gate.cu is compiled for, as chosen from the weights."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from edge.fusion.kernel import form_of, weights_of
from edge.fusion.parameters import FusionParameters
from edge.models import ModelStore, load_fusion_parameters
from edge.values import FEATURE_DIM

SWITCHES = ("convolves", "attends", "sees_features")


def all_zero() -> FusionParameters:
    """Of the shapes that ship."""
    p = load_fusion_parameters(ModelStore())
    zeros = {field.name: getattr(p, field.name) * 0 for field in fields(p)}
    return replace(p, **{**zeros, "pool_power": np.ones(1, np.float32)})


@pytest.mark.parametrize(
    ("name", "at", "switch"),
    [
        ("temporal_kernel", -1, "convolves"),
        ("temporal_bias", 0, "convolves"),
        ("temporal_query", 0, "attends"),
        ("temporal_age", -1, "attends"),
        ("gate_hidden_weight", FEATURE_DIM - 1, "sees_features"),
        ("gate_hidden_weight", FEATURE_DIM, None),  # presence of the first modality
        ("gate_hidden_weight", -1, None),  # the last cue of the last one
        ("expert_weight", 0, None),
    ],
)
def test_one_weight_is_enough_to_keep_a_part_in(name: str, at: int, switch: str | None) -> None:
    p = all_zero()
    getattr(p, name).ravel()[at] = 1
    form = form_of(p)
    assert [s for s in SWITCHES if getattr(form, s)] == [s for s in SWITCHES if s == switch]


def test_every_weight_goes_to_the_device_once() -> None:
    p = load_fusion_parameters(ModelStore())
    given = sum(getattr(p, field.name).size for field in fields(p))
    assert sum(array.size for array in weights_of(p)) == given
