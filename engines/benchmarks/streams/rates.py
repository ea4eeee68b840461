"""Intervals for what is counted: shares (Wilson) and events an hour (exact Poisson)."""

from __future__ import annotations

import math
from dataclasses import dataclass

_Z95 = 1.959963984540054  # standard normal, 97.5 %


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


def share(hits: int, total: int) -> Estimate | None:
    """Return hits / total with Wilson's interval (Wilson 1927); None when there is nothing.

    Raises: ValueError unless 0 <= hits <= total.
    """
    if not 0 <= hits <= total:
        raise ValueError(f"{hits} hits of {total}")
    if total == 0:
        return None
    p, z2 = hits / total, _Z95**2
    middle = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 / (1 + z2 / total) * math.sqrt(p * (1 - p) / total + z2 / (4 * total**2))
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == total else middle + half
    return Estimate(p, low, high)


def hourly(count: int, hours: float) -> Estimate:
    """Return events an hour with the exact Poisson interval (Garwood 1936).

    Raises: ValueError for a negative count or no time at all.
    """
    if count < 0 or hours <= 0:
        raise ValueError(f"{count} events in {hours} hours")
    from scipy.stats import chi2

    low = 0.0 if count == 0 else float(chi2.ppf(0.025, 2 * count)) / 2
    high = float(chi2.ppf(0.975, 2 * (count + 1))) / 2
    return Estimate(count / hours, low / hours, high / hours)
