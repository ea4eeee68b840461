"""Random but plausible materials: woods, fabrics, paints, metals."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np

from engines.rooms.mesh import Material, Pattern

Range = tuple[float, float]

FABRIC_PATTERNS = (
    Pattern.PLAIN, Pattern.PLAIN, Pattern.WOVEN, Pattern.WOVEN,
    Pattern.STRIPES, Pattern.CHECKS, Pattern.BLOTCHES,
)  # fmt: skip

METAL = Material((0.6, 0.6, 0.62), (0.5, 0.5, 0.5), Pattern.PLAIN, gloss=0.7)
BLACK = Material((0.06, 0.06, 0.07), (0.1, 0.1, 0.1), Pattern.PLAIN, gloss=0.3)
PORCELAIN = Material((0.93, 0.92, 0.9), (0.86, 0.86, 0.86), Pattern.PLAIN, gloss=0.5)


def rgb(colour: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    """Three floats clipped to 0..1."""
    r, g, b = (float(c) for c in np.clip(np.asarray(colour, float), 0.0, 1.0))
    return r, g, b


def painted(
    rng: np.random.Generator,
    saturation: Range = (0.05, 0.5),
    value: Range = (0.25, 0.9),
    patterns: Sequence[Pattern] = (Pattern.PLAIN,),
    hue: float | None = None,
    contrast: float = 0.25,
    gloss: float = 0.05,
) -> Material:
    """A random colour with an accent ``contrast`` (0..2) darker."""
    h = rng.uniform() if hue is None else hue + rng.normal() * 0.02
    base = np.array(colorsys.hsv_to_rgb(h % 1.0, rng.uniform(*saturation), rng.uniform(*value)))
    accent = base * (1 - contrast * rng.uniform(0.3, 1.5)) + rng.normal(size=3) * 0.012
    pattern = patterns[int(rng.integers(len(patterns)))]
    return Material(rgb(base), rgb(accent), pattern, gloss)


def wood(rng: np.random.Generator, pattern: Pattern = Pattern.GRAIN) -> Material:
    """Pine to dark oak."""
    return painted(rng, (0.3, 0.65), (0.25, 0.8), (pattern,), hue=0.075, gloss=0.12)


def fabric(rng: np.random.Generator) -> Material:
    """Upholstery, clothes, curtains."""
    return painted(rng, (0.05, 0.6), (0.2, 0.85), FABRIC_PATTERNS)


def linen(rng: np.random.Generator) -> Material:
    """Pale bedding."""
    patterns = (Pattern.PLAIN, Pattern.PLAIN, Pattern.STRIPES, Pattern.DOTS)
    return painted(rng, (0.0, 0.25), (0.72, 0.98), patterns, contrast=0.15)


def lacquer(rng: np.random.Generator) -> Material:
    """White or tinted board, as of fitted furniture and doors."""
    return painted(rng, (0.0, 0.2), (0.6, 0.95), gloss=0.25)


def wood_or_lacquer(rng: np.random.Generator, wooden: float = 0.7) -> Material:
    """Wood with probability ``wooden``, else lacquer."""
    return wood(rng) if rng.random() < wooden else lacquer(rng)


def vivid(rng: np.random.Generator) -> Material:
    """A small colourful thing."""
    return painted(rng, (0.1, 0.9), (0.2, 1.0), gloss=0.3)
