"""What the commands about plans have in common: options, and what they stand for."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from edge.encoders.spec import ENCODERS, Precision
from edge.models import ModelStore
from edge.plans import PlanStore, Recipe, Target, Wanted, plan_directory
from edge.settings import ModelSettings, load_settings
from edge.vocabulary import MODALITIES


@dataclass(frozen=True, slots=True)
class Network:
    """One encoder's graph."""

    name: str  # of the modality
    onnx: bytes

    def wanted(self, recipe: Recipe, target: Target) -> Wanted:
        """The plan of it that would run there."""
        return Wanted(sha256(self.onnx).hexdigest(), recipe, target)


@dataclass(frozen=True, slots=True)
class Workshop:
    """Which models become which plans, where."""

    models: ModelStore
    plans: PlanStore
    recipe: Recipe
    precision: Precision

    def networks(self) -> Iterator[Network]:
        """Every encoder that the model directory has.  Raises: ModelError."""
        for modality in MODALITIES:
            onnx = self.models.read_encoder(ENCODERS[modality], self.precision)
            yield Network(modality.value, onnx)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Declare options that name models and plans; without any, those that ``run`` would use."""
    add = parser.add_argument
    add("--config", type=Path, metavar="FILE", help="a device's configuration: its section models")
    add("--models", type=Path, metavar="DIR", help="use these models")
    add("--plans", type=Path, metavar="DIR",
        help="plans are here (/var/lib/gatehouse/plans, else your cache)")  # fmt: skip
    add("--precision", choices=("fp32", "int8"), help="of the models")


def workshop(args: argparse.Namespace) -> Workshop:
    """What the options stand for.  Raises: ModelError, ConfigError, MissingFileError."""
    settings = ModelSettings() if args.config is None else load_settings(args.config).models
    models = ModelStore(args.models or settings.directory)
    return Workshop(
        models=models,
        plans=PlanStore(plan_directory(args.plans or settings.plans)),
        recipe=Recipe.for_rooms(settings.plan_rooms),
        precision=models.precision(args.precision or settings.precision, on_gpu=True),
    )
