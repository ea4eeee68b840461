"""Presets: what a training run does, and what of it fits into its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.vocabulary import Modality
from engines.training.finetune import FinetuneSettings

CPU_S_PER_CLIP = 1.2
"""To render 4 s, measured; see ``python -m engines rooms``."""

PICTURES = (Modality.FLOW, Modality.DEPTH, Modality.RGB)
STAGES = ("rooms", *(m.value for m in PICTURES), Modality.AUDIO.value, "heads")
"""Of the preset full, in the order in which each can stand on the one before."""


RGB_BACKBONE_RATE = 5e-4
"""Of the pretrained last blocks; they have no batch norm to catch a larger step."""


@dataclass(frozen=True, slots=True)
class Stories:
    """Scenes of a minute to render: full of what is easily mistaken for a fall or an attack."""

    kind: str  # see rooms.plan.STORIES
    count: int
    seed: int


@dataclass(frozen=True, slots=True)
class Preset:
    """How much training is worth doing, and the time for it."""

    name: str
    minutes: float  # of the whole run; of each stage of a staged one
    staged: bool  # stages are run one by one, each leaving artefacts
    clips: int | None  # rooms to render; None: what fits
    rooms_share: float  # of the time, for rendering
    closing_share: float  # of the time, for features, gate and export
    spoiled_every: int  # every n-th room is also cached spoiled
    finder_minutes: float
    flow_steps: int
    depth_steps: int
    rgb_steps: int
    audio_steps: int
    gate_steps: int
    stories: tuple[Stories, ...] = ()
    refine_steps: int = 0  # of flow and depth: with stories and plain cameras

    def steps(self, modality: Modality) -> int:
        """Of one stream."""
        return int(getattr(self, f"{modality.value}_steps"))


PRESETS = {
    "quick": Preset(
        name="quick",
        minutes=40,
        staged=False,
        clips=None,
        rooms_share=0.36,
        closing_share=0.17,
        spoiled_every=3,
        finder_minutes=2.0,
        flow_steps=2500,
        depth_steps=2500,
        rgb_steps=1500,
        audio_steps=2500,
        gate_steps=1500,
    ),
    "full": Preset(
        name="full",
        minutes=58,
        staged=True,
        clips=4000,
        rooms_share=0.8,
        closing_share=0.3,
        spoiled_every=4,
        finder_minutes=10.0,
        flow_steps=3000,
        depth_steps=3000,
        rgb_steps=3000,
        audio_steps=3000,
        gate_steps=3000,
        refine_steps=1000,
        stories=(
            Stories("negatives", 36, 301),
            Stories("falls", 16, 302),
            Stories("violence", 14, 303),
            Stories("mixed", 6, 304),
        ),
    ),
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
    wanted = clips or min(preset.clips or fitting, fitting)
    return TimePlan(minutes, max(15, wanted), minutes * preset.closing_share, workers)


def stream_settings(
    preset: Preset, modality: Modality, minutes: float, seed: int
) -> FinetuneSettings:
    """How one picture stream is trained.  minutes: wall time for it

    Of recorded films only flow learns: they are few, RGB would know each of them by heart and say
    nothing of others, and they have no depth.
    """
    films = modality is Modality.FLOW
    shares = {"rooms": 0.75, "surv_fight": 0.25} if films else {"rooms": 1.0}
    settings = FinetuneSettings(modality, preset.steps(modality), minutes, seed=seed, shares=shares)
    if modality is Modality.RGB:  # its pictures are larger, its backbone knows much already
        return replace(settings, batch=20, shown=6, backbone_rate=RGB_BACKBONE_RATE)
    return replace(settings, refine=preset.refine_steps)


def lanes(preset: Preset, minutes: float, workers: int, seed: int) -> list[list[FinetuneSettings]]:
    """Who trains what, one after another, in each process; audio follows in the first lane.

    minutes: wall time for all of it.
    """
    lane_minutes = minutes if workers > 1 else minutes / 2

    def settings(modality: Modality, share: float) -> FinetuneSettings:
        return stream_settings(preset, modality, share * lane_minutes, seed)

    return [
        [settings(Modality.FLOW, 0.75)],
        [settings(Modality.DEPTH, 0.45), settings(Modality.RGB, 0.5)],
    ]


def plan_lines(plan: TimePlan, preset: Preset) -> Sequence[str]:
    """The plan in words."""
    render = plan.clips * CPU_S_PER_CLIP / 60 / plan.workers
    left = max(plan.minutes - render - plan.closing_minutes, 0.0)
    return (
        f"preset {preset.name}: {plan.minutes:g} minutes on {plan.workers} cores",
        f"  render {plan.clips} clips                   about {render:.1f} min",
        f"  find people, train four encoders     about {left:.1f} min",
        f"  features, gate, export               about {plan.closing_minutes:.1f} min",
    )
