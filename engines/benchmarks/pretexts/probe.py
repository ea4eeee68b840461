"""Does a pretext pay? A linear probe with a tenth of the labels, after the pretext and without.

Three kinds of features are probed alike: ``frozen``, the encoders' own; ``random``, a trunk on them
that was not trained; ``pretext``, the same trunk after the pretexts on clips without labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from edge.values import F32
from edge.vocabulary import ACTIONS, MODALITIES
from engines.benchmarks.code import code_digest
from engines.benchmarks.features import Piece, items_of, windows_at
from engines.benchmarks.items import Fold, Items, Prediction
from engines.benchmarks.measures import (
    Judged,
    can_resample,
    draws_of,
    interval,
    measure,
    resampled,
)
from engines.benchmarks.pretexts.linear import Labelled, probed, tenth
from engines.benchmarks.pretexts.tasks import Side
from engines.benchmarks.pretexts.trunk import (
    PretextSettings,
    Read,
    Unlabelled,
    frozen_reader,
    new_trunk,
    pretrained,
    reader,
    scale_of,
)
from engines.training.truth import Truth, read_truth, truth_file

CODE = (("engines.benchmarks.pretexts", ""), ("engines.models", "temporal"))
"""What a probe's results follow from beside its key, see engines.benchmarks.code."""

KINDS = ("frozen", "random", "pretext")
MOMENTS_NS = (2_000_000_000, 3_000_000_000, 4_000_000_000)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """How the probe is done."""

    share: float = 0.1
    seeds: int = 5
    pretext: PretextSettings = field(default_factory=PretextSettings)


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One kind of features of one input, over seeds."""

    kind: str  # one of KINDS
    source: str  # a modality, "all" side by side, or "gated"
    scores: tuple[F32, ...]  # of each seed: (N, ACTIONS)

    @property
    def name(self) -> str:
        """As in tables."""
        return f"probe: {self.kind} {self.source}"

    def prediction(self) -> Prediction:
        """Scores averaged over seeds."""
        return Prediction(np.mean(np.stack(self.scores), axis=0, dtype=np.float64).astype("f4"))

    def values(self, test: Items) -> list[float]:
        """Balanced accuracy of each seed."""
        return [measure(asked_of(test), scores).balanced_accuracy for scores in self.scores]


def labelled_windows(side: Side) -> Items:
    """Windows of clips as they are, with the action that their ground truth names."""
    every = [side.plain[name] for name in sorted(side.plain)]
    clips = [clip for clip in every if truth_file(clip.row.path).exists()]
    truths: dict[str, Truth] = {c.row.name: read_truth(truth_file(c.row.path)) for c in clips}
    pieces = [piece for clip in clips for piece in windows_at(clip, MOMENTS_NS)]

    def action(piece: Piece) -> str | None:
        return truths[piece.clip.row.name].action_at(piece.t_s)

    return items_of(pieces, ACTIONS, MODALITIES, action, lambda piece: piece.clip.row.label)


def labelled_tenth(items: Items, share: float, seed: int) -> Items:
    """All windows of a stratified tenth of the clips."""
    first = {name: i for i, name in reversed(list(enumerate(items.names)))}
    names = sorted(first)
    tags, groups = ([column[first[n]] for n in names] for column in (items.tags, items.groups))
    kept = {names[i] for i in tenth(tags, groups, share, seed)}
    return items.pick([i for i, name in enumerate(items.names) if name in kept])


def probe_rows(
    data: Unlabelled, train: Items, test: Items, how: ProbeSettings, progress: Progress
) -> tuple[ProbeRow, ...]:
    """Every kind and input; seeds vary the trunk, its training and which labels are known."""
    scale = scale_of(data.plain)
    dim = data.plain.features.shape[3]
    said: dict[tuple[str, str], list[F32]] = {}
    for seed in range(how.seeds):
        progress("linear probe", seed, how.seeds)
        labelled = labelled_tenth(train, how.share, seed)
        reads: dict[str, Read] = {
            "frozen": frozen_reader(scale),
            "random": reader(new_trunk(dim, seed), scale),
            "pretext": reader(pretrained(data, scale, how.pretext, seed), scale),
        }
        for kind, read in reads.items():
            known, asked = read(labelled), read(test)
            for source, features in known.items():
                part = Labelled(features, labelled.labels, labelled.groups, len(ACTIONS))
                said.setdefault((kind, source), []).append(probed(part, asked[source], seed))
    progress("linear probe", how.seeds, how.seeds)
    return tuple(ProbeRow(k, s, tuple(scores)) for (k, s), scores in said.items())


def cached_rows(
    folder: Path, key: Sequence[object], make: Callable[[], tuple[ProbeRow, ...]]
) -> tuple[ProbeRow, ...]:
    """Rows from their file, or made and kept.  key: everything that they follow from but code"""
    told = repr((code_digest(CODE), *key))
    path = folder / f"{sha256(told.encode()).hexdigest()[:16]}.npz"
    if path.exists():
        with np.load(path) as arrays:
            names = [tuple(name.split("|", 1)) for name in arrays]
            return tuple(ProbeRow(k, s, tuple(arrays[f"{k}|{s}"])) for k, s in names)
    rows = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npz")
    np.savez(partial, **{f"{r.kind}|{r.source}": np.stack(r.scores) for r in rows})  # type: ignore[arg-type]  # stubs mistake names for options
    partial.replace(path)
    return rows


def baselines_of(rows: Sequence[ProbeRow]) -> Mapping[str, Callable[[Fold], Prediction]]:
    """The probes as rows of the question's table, which shows seeds averaged."""

    def answer(row: ProbeRow) -> Callable[[Fold], Prediction]:
        return lambda fold: row.prediction()

    return {row.name: answer(row) for row in rows}


def asked_of(test: Items) -> Judged:
    """For measures."""
    return Judged(test.labels, test.classes, test.groups)


def verdicts(rows: Sequence[ProbeRow], test: Items) -> list[str]:
    """Mean and spread over seeds, and what the pretext adds, with the interval over groups."""
    table = {(row.kind, row.source): row for row in rows}
    lines = []
    for source in dict.fromkeys(row.source for row in rows):
        kinds = [kind for kind in KINDS if (kind, source) in table]
        told = ", ".join(f"{k} {spread(table[k, source].values(test))}" for k in kinds)
        for rival in ("random", "frozen"):
            if (rival, source) in table:
                gain = difference(table["pretext", source], table[rival, source], test)
                told += f"; pretext - {rival} {gain}"
        lines.append(f"linear probe on {source}: {told}")
    return lines


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation, in per cent."""
    return f"{100 * mean(values):.1f} ± {100 * (stdev(values) if len(values) > 1 else 0):.1f} %"


def difference(row: ProbeRow, rival: ProbeRow, test: Items) -> str:
    """Seeds' mean of the paired difference, in points, with its interval over test groups."""
    gains = [a - b for a, b in zip(row.values(test), rival.values(test), strict=True)]
    told = f"{100 * mean(gains):+.1f} points"
    asked = asked_of(test)
    if not can_resample(asked):
        return told
    draws = draws_of(asked)
    drawn = [
        resampled(asked, a, "balanced_accuracy", draws)
        - resampled(asked, b, "balanced_accuracy", draws)
        for a, b in zip(row.scores, rival.scores, strict=True)
    ]
    low, high = interval(np.mean(drawn, axis=0))
    return f"{told} [{100 * low:+.1f}, {100 * high:+.1f}]"
