"""Writes a model directory: ONNX files, their digests, what they learned from, and a model card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from edge.encoders.spec import MANIFEST_FILE
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
    (directory / CARD_FILE).write_text(model_card(provenance), encoding="utf-8")
    text = json.dumps(manifest_of(files, provenance), indent=1, sort_keys=True)
    (directory / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")


INTENT = (
    "## Intended use",
    "Recognises what people do in one room of an assisted-living home from RGB, optical flow,",
    "depth and sound, and raises alarms for carers beside, never instead of, their own rounds.",
    "Not a medical device; it does not identify anyone and infers no emotion or diagnosis.",
    "",
    "## Known limits",
    "- Depth was learned from rendered rooms alone, and real pictures at most from films of",
    "  fights: real homes, blankets, pets and crowded rooms were never seen.",
    "- Crouching, kneeling and above all lying or sitting down on the floor on purpose may be",
    "  mistaken for a fall.",
    "- Depth carries most of it: without depth, as with a plain camera, recorded falls are not",
    "  told from other movements. See the results of this very model.",
    "- Without depth, somebody who has not moved since the start is looked for in the whole",
    "  picture, not in a crop, and is recognised less well.",
    "- Expect worse results in rooms, on cameras and with people unlike those below.",
)


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


def model_card(provenance: Provenance) -> str:
    """What a reader must know before trusting the model, in Markdown."""
    pretrained = [f"- {origin}: {licence}" for origin, licence in provenance.pretrained.items()]
    facts = [f"| {name} | {_cell(value)} |" for name, value in provenance.facts.items()]
    return "\n".join(
        [
            f"# Model card: {provenance.name}",
            "",
            *INTENT,
            "",
            "## Learned from",
            *[f"- {name}" for name in provenance.trained_on],
            "",
            f"Test groups were kept out by this rule: {provenance.split}",
            "",
            "## Initial weights",
            *pretrained,
            "",
            "## Facts of the training run",
            "Held-out scores are on groups that were used to stop training and to calibrate: they",
            "are optimistic. `python -m engines evaluate` gives the honest ones.",
            "",
            "| fact | value |",
            "|---|---|",
            *facts,
            "",
        ]
    )


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
