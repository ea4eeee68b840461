"""How a training run spends its minutes; printed before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.vocabulary import Modality
from engines.training.finetune import FinetuneSettings

CPU_S_PER_CLIP = 1.2
"""To render 4 s, measured; see ``python -m engines rooms``."""

MOVING = (0, 1, 2, 4, 6, 9)  # of two seconds, counted back: dense where it just happened
SPARSE = (0, 2, 5, 9)  # a picture changes slowly


@dataclass(frozen=True, slots=True)
class Preset:
    """Shares of the whole budget, and how much training is worth doing."""

    name: str
    minutes: float
    rooms_share: float  # of the budget, for rendering
    closing_share: float  # for features, gate and export
    spoiled_every: int  # every n-th room is also cached spoiled
    flow_steps: int
    depth_steps: int
    rgb_steps: int
    audio_steps: int
    gate_steps: int


PRESETS = {
    "quick": Preset(
        name="quick",
        minutes=40,
        rooms_share=0.36,
        closing_share=0.17,
        spoiled_every=3,
        flow_steps=1400,
        depth_steps=1000,
        rgb_steps=900,
        audio_steps=2500,
        gate_steps=1500,
    )
}


@dataclass(frozen=True, slots=True)
class TimePlan:
    """What fits into the budget of one run."""

    minutes: float
    clips: int
    closing_minutes: float
    workers: int


def make_plan(preset: Preset, minutes: float, clips: int | None, workers: int) -> TimePlan:
    """Clips to render unless the user says how many, and what must be left at the end."""
    fitting = int(60 * minutes * preset.rooms_share * workers / CPU_S_PER_CLIP)
    return TimePlan(minutes, clips or max(15, fitting), minutes * preset.closing_share, workers)


def lanes(preset: Preset, minutes: float, workers: int, seed: int) -> list[list[FinetuneSettings]]:
    """Who trains what, one after another, in each process; audio follows in the first lane.

    minutes: wall time for all of it.
    """
    lane_minutes = minutes if workers > 1 else minutes / 2
    rooms_only = {"rooms": 1.0}
    flow = FinetuneSettings(
        Modality.FLOW, preset.flow_steps, 0.75 * lane_minutes, MOVING, frozen_blocks=2, seed=seed
    )
    depth = FinetuneSettings(
        Modality.DEPTH,
        preset.depth_steps,
        0.5 * lane_minutes,
        SPARSE,
        frozen_blocks=2,
        seed=seed,
        shares=rooms_only,
    )
    rgb = FinetuneSettings(
        Modality.RGB,
        preset.rgb_steps,
        0.45 * lane_minutes,
        SPARSE,
        frozen_blocks=9,
        adapt_norms=False,
        backbone_rate=4e-4,
        seed=seed,
    )
    return [[flow], [depth, rgb]]


def plan_lines(plan: TimePlan, preset: Preset) -> Sequence[str]:
    """The plan in words."""
    render = plan.clips * CPU_S_PER_CLIP / 60 / plan.workers
    left = max(plan.minutes - render - plan.closing_minutes, 0.0)
    return (
        f"preset {preset.name}: {plan.minutes:g} minutes on {plan.workers} cores",
        f"  render {plan.clips} clips           about {render:.1f} min",
        f"  decode, train four encoders  about {left:.1f} min",
        f"  features, gate, export       about {plan.closing_minutes:.1f} min",
    )
