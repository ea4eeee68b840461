"""What is refused."""

from __future__ import annotations

from typing import Any

import pytest

from edge.errors import EX_DATA
from engines.quantize.fidelity import Fidelity, LayerError
from engines.quantize.gate import AccuracyError, refuse_far, refuse_loss
from engines.quantize.recipe import Quantised


def with_cosine(net: Any, cosine: float) -> Quantised:
    fidelity = Fidelity(cosine, cosine, 20, 9)
    errors = (LayerError("/a", 9, 40), LayerError("/b", 9, 5))
    return Quantised(net.original, b"", "min_max", (), {}, fidelity, errors)


def test_features_that_drift_are_refused_with_the_worst_layers(net: Any) -> None:
    refuse_far([with_cosine(net, 0.99)])
    with pytest.raises(AccuracyError, match=r"INT8 flow.*/b, /a.*nothing was installed") as caught:
        refuse_far([with_cosine(net, 0.995), with_cosine(net, 0.9899)])
    assert caught.value.exit_code == EX_DATA


def test_a_loss_of_more_than_one_point_is_refused() -> None:
    refuse_loss(1.0)
    refuse_loss(-3.0)
    with pytest.raises(AccuracyError):
        refuse_loss(float("nan"))
    with pytest.raises(AccuracyError, match=r"1\.01 points.*nothing was installed"):
        refuse_loss(1.01)
