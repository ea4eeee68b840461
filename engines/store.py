"""Writes a model directory: ONNX files, their digests, what they learned from, and a model card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from edge.encoders.spec import INT8_SUFFIX, MANIFEST_FILE
from edge.errors import ModelError
from edge.models import FORMAT

CARD_FILE = "MODEL_CARD.md"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What went into a model."""

    name: str
    trained_on: Sequence[str]  # data sets whose recordings or labels shaped any weight
    split: str  # the rule that kept test groups out, see training/split.py
    pretrained: Mapping[str, str]  # origin of initial weights -> licence
    facts: Mapping[str, Any] = field(default_factory=dict)  # JSON: settings, held-out scores


def write_model_dir(directory: Path, files: Mapping[str, bytes], provenance: Provenance) -> None:
    """Write all files, the manifest last: a directory without one was interrupted."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MANIFEST_FILE).unlink(missing_ok=True)
    for name, data in files.items():
        (directory / name).write_bytes(data)
    (directory / CARD_FILE).write_text(first_card(files, provenance), encoding="utf-8")
    text = json.dumps(manifest_of(files, provenance), indent=1, sort_keys=True)
    (directory / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")


def first_card(files: Mapping[str, bytes], made: Provenance) -> str:
    """The model card before any benchmark; ``python -m engines card`` adds what they find."""
    from engines.benchmarks.results import Results
    from engines.card.text import Model, model_card

    digest = files_digest({name: sha256(data).hexdigest() for name, data in files.items()})
    model = Model(made.name, digest, made.trained_on, made.split, made.pretrained, made.facts)
    return model_card(model, Results())


def manifest_of(files: Mapping[str, bytes], provenance: Provenance) -> dict[str, Any]:
    """The manifest that ``edge.models.ModelStore`` reads, and the facts that people ask for."""
    entries = {
        name: {"sha256": sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in files.items()
    }
    return {
        "format": FORMAT,
        "name": provenance.name,
        "files": entries,
        "trained_on": list(provenance.trained_on),
        "split": provenance.split,
        "pretrained": dict(provenance.pretrained),
        "facts": dict(provenance.facts),
    }


def read_provenance(directory: Path) -> Provenance:
    """What a model directory's manifest says of its making.  Raises: ModelError."""
    path = directory / MANIFEST_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Provenance(
            name=str(data["name"]),
            trained_on=[str(name) for name in data["trained_on"]],
            split=str(data["split"]),
            pretrained={str(k): str(v) for k, v in data["pretrained"].items()},
            facts=dict(data["facts"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: no manifest of a trained model; name its directory") from error


def files_digest(digests: Mapping[str, str]) -> str:
    """Names a model by its files, but for INT8 graphs: those follow from the others.

    digests: SHA-256 by file name, as in the manifest
    """
    own = {name: digest for name, digest in digests.items() if not name.endswith(INT8_SUFFIX)}
    told = "|".join(f"{name} {digest}" for name, digest in sorted(own.items()))
    return sha256(told.encode()).hexdigest()[:12]
