"""The model card in Markdown, from a model's manifest and from what the benchmarks found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.decision.rules import RAISED, rule_for
from edge.settings import DecisionSettings
from engines.benchmarks.report.markdown import table
from engines.benchmarks.results import Results
from engines.card import known
from engines.card.found import benchmark_lines, failures, own_lines

SEARCH = ("stack_loss_", "stack_right_")
"""Facts of a search that the card leaves to the manifest."""


@dataclass(frozen=True, slots=True)
class Model:
    """What the card is about."""

    name: str
    files: str  # see engines.store.files_digest
    trained_on: Sequence[str]
    split: str  # the rule that kept test groups out
    pretrained: Mapping[str, str]  # origin of initial weights -> licence
    facts: Mapping[str, Any]


def model_card(model: Model, results: Results) -> str:
    """All sections.  results: only of this very model, see ``found.of_model``"""
    lines = [f"# Model card: {model.name}", "", f"All files together: `{model.files}`; the digest "
             "of each is in `manifest.json`.", ""]  # fmt: skip
    lines += ["## Intended use", *known.INTENDED, "", "Not for:", ""]
    lines += [f"- {line}" for line in known.NOT_FOR]
    lines += ["", *alarm_rules()]
    lines += ["", *learned_from(model)]
    lines += ["", "## What the model itself reaches", "", *own_lines(results)]
    lines += ["", "## What the method reaches on benchmarks", "", *benchmark_lines(results)]
    lines += ["", "## Failure cases", "", *(f"- {line}" for line in failures(results))]
    lines += ["", "## Limits", "", *(f"- {line}" for line in known.LIMITS)]
    lines += ["", *calibrated()]
    lines += ["", "## Making it again", "", "```", *known.REPRODUCE, "```", ""]
    return "\n".join([*lines, *facts_of(model)]) + "\n"


def alarm_rules() -> list[str]:
    """Default thresholds of the decision stage."""
    settings = DecisionSettings()
    rows = []
    for alarm in RAISED:
        rule = rule_for(alarm, settings)
        rows.append([alarm.value, f"{rule.enter:g}", f"{rule.exit:g}", str(rule.decisions)])
    heads = ("alarm", "raised from", "over below", "decisions in a row, 0.5 s apart")
    return ["## Alarms by default", "", *table(heads, rows)]


def learned_from(model: Model) -> list[str]:
    """Data, licences, initial weights."""
    rows = [
        [name, str(model.facts.get(f"clips_{name}", "-")), known.LICENCES.get(name, "not stated")]
        for name in model.trained_on
    ]
    lines = ["## Learned from", "", *table(("data", "clips", "licence as stated"), rows), ""]
    lines += [f"Test groups were kept out by this rule: {model.split}", "", "## Initial weights"]
    return [*lines, "", *(f"- {name}: {licence}" for name, licence in model.pretrained.items())]


def calibrated() -> list[str]:
    """What was done for scores to mean what they say."""
    return [
        "## How scores are calibrated",
        "",
        "In training, on held-out training groups, and folded into the weights: one temperature an "
        "expert, then gate and pool by log score; a line on the logit of each sound, which puts "
        "its threshold at 0.5 with both kinds counted alike. Sound scores therefore order "
        "evidence and are no frequencies where the sound is rare. Nothing is fitted afterwards.",
    ]


def facts_of(model: Model) -> list[str]:
    """The training run's own numbers."""
    rows = [
        [name, value if isinstance(value, str) else json.dumps(value)]
        for name, value in model.facts.items()
        if not name.startswith(SEARCH)
    ]
    return [
        "## Facts of the training run",
        "",
        "Held-out scores are on groups that were used to stop training and to calibrate: they",
        "are optimistic. The tables above are the honest ones. All facts: `manifest.json`.",
        "",
        "<details><summary>Table</summary>",
        "",
        *table(("fact", "value"), rows),
        "",
        "</details>",
    ]
