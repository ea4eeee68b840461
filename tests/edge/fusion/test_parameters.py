from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from edge.errors import ModelError
from edge.fusion.parameters import HEADS, QUALITY_CUES, TAPS, FusionParameters
from edge.values import F32, FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS

M, D, A, S = len(MODALITIES), FEATURE_DIM, len(ACTIONS), len(SOUNDS)
NAMES = [field.name for field in fields(FusionParameters)]


def arrays(hidden: int = 3) -> dict[str, F32]:
    shapes: dict[str, tuple[int, ...]] = {
        "temporal_kernel": (M, TAPS, D),
        "temporal_bias": (M, D),
        "temporal_query": (M, D),
        "temporal_age": (M, HEADS, VIDEO_STEPS),
        "expert_weight": (M, A, D),
        "expert_bias": (M, A),
        "gate_hidden_weight": (hidden, M * (D + 1 + len(QUALITY_CUES))),
        "gate_hidden_bias": (hidden,),
        "gate_weight": (M, hidden),
        "gate_bias": (M,),
        "pool_power": (1,),
        "pool_independence": (1,),
        "sound_weight": (S, D),
        "sound_bias": (S,),
    }
    return {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("hidden", [1, 64])
def test_the_gate_may_have_any_number_of_hidden_units(hidden: int) -> None:
    assert FusionParameters(**arrays(hidden)).gate_weight.shape == (M, hidden)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_shape_is_refused_with_its_name_and_a_remedy(name: str) -> None:
    given = arrays()
    given[name] = given[name][..., :-1]
    with pytest.raises(ModelError, match=rf"weights: {name} is float32.*reinstall"):
        FusionParameters(**given)


def test_hidden_layers_that_do_not_fit_each_other_are_refused() -> None:
    with pytest.raises(ModelError, match="gate_weight"):
        FusionParameters(**{**arrays(3), "gate_weight": arrays(4)["gate_weight"]})


@pytest.mark.parametrize("name", NAMES)
def test_other_than_32_bit_floats_are_refused(name: str) -> None:
    given = arrays()
    with pytest.raises(ModelError, match=rf"{name} is float64"):
        FusionParameters(**{**given, name: given[name].astype(np.float64)})


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", NAMES)
def test_a_single_number_that_is_none_is_refused(name: str, value: float) -> None:
    given = arrays()
    given[name].flat[-1] = value
    with pytest.raises(ModelError, match=rf"{name} is not finite; reinstall"):
        FusionParameters(**given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pool_power", 0.0),
        ("pool_power", 1.5),
        ("pool_power", -1.0),
        ("pool_independence", -0.1),
        ("pool_independence", 1.1),
    ],
)
def test_a_pool_that_is_no_mean_is_refused(name: str, value: float) -> None:
    with pytest.raises(ModelError, match=r"pool_.*reinstall"):
        FusionParameters(**{**arrays(), name: np.array([value], np.float32)})
