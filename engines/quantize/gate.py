"""When an INT8 model is refused: it must not quietly see or hear less than the one it replaces."""

from __future__ import annotations

from collections.abc import Iterable

from edge.errors import EX_DATA, GatehouseError
from engines.quantize.fidelity import most_sensitive
from engines.quantize.recipe import MOST_KEPT, Quantised

LEAST_COSINE = 0.99
"""Mean cosine of features with FP32's, where there are no labels to judge by."""

MOST_LOSS, AIM_LOSS = 1.0, 0.5
"""Points of balanced accuracy."""

NAMED = 3


class AccuracyError(GatehouseError):
    """INT8 loses too much; nothing was installed."""

    exit_code = EX_DATA


def refuse_far(results: Iterable[Quantised]) -> None:
    """Raises: AccuracyError for features that are not FP32's any more."""
    for one in results:
        if one.fidelity.cosine >= LEAST_COSINE:
            continue
        name = one.original.spec.modality.value
        worst = ", ".join(most_sensitive(one.errors)[:NAMED])
        hint = f" (worst layers: {worst})" if worst else ""
        raise AccuracyError(
            f"INT8 {name}: mean cosine {one.fidelity.cosine:.4f} of features with FP32's, at least "
            f"{LEAST_COSINE} is asked, with at most {MOST_KEPT:.0%} of layers in float{hint}; "
            "nothing was installed: calibrate on more of the rooms it will watch"
        )


def refuse_loss(points: float) -> None:
    """points: of balanced accuracy that INT8 loses.  Raises: AccuracyError above MOST_LOSS."""
    if not points <= MOST_LOSS:  # also what is no number
        raise AccuracyError(
            f"INT8 loses {points:.2f} points of balanced accuracy, at most {MOST_LOSS} is allowed; "
            "nothing was installed: calibrate on more of the rooms it will watch"
        )
