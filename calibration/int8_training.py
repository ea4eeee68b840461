"""What a training run has decoded, as clips to calibrate on: the same rooms and recorded sets."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import numpy as np

from edge.errors import MissingFileError
from engines.training.cache import cached_path
from engines.training.clips import training_rows
from engines.training.spoilers import KINDS, NO_DEPTH

SEED = 0


def training_inputs(work: Path, most: int) -> list[Path]:
    """At most ``most`` files of inputs, as many of each data set; spoiled copies among them.

    Never of test groups. Recorded sets are those of GATEHOUSE_DATA.
    work: the folder given to ``python -m engines train``
    Raises: MissingFileError when it has decoded nothing.
    """
    nothing = MissingFileError(
        f"{work / 'inputs'}: holds no decoded clips; name the --work of python -m engines train"
    )
    if not (work / "rooms" / "manifest.csv").exists():
        raise nothing
    data = Path(os.environ.get("GATEHOUSE_DATA", "../shared/data"))
    there: dict[str, list[Path]] = defaultdict(list)
    for row in training_rows(work / "rooms", data):
        paths = (cached_path(work / "inputs", row, kind) for kind in (None, *KINDS, NO_DEPTH))
        there[row.dataset] += [path for path in paths if path.exists()]
    sets = [paths for paths in there.values() if paths]
    if not sets:
        raise nothing
    rng, each = np.random.default_rng(SEED), max(1, most // len(sets))
    return [paths[i] for paths in sets for i in rng.permutation(len(paths))[:each]]
