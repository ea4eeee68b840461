"""Write the model card of a model directory, from its manifest and from the benchmarks' results.

  python -m engines card
  python -m engines card --models DIR --results docs/benchmarks

Chapters of results.json about another model are left out, and said to be missing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge.errors import EX_OK, StoreError
from edge.models import ModelStore
from engines.benchmarks.features import encoder_digest
from engines.benchmarks.items import Workbench
from engines.benchmarks.results import read_results
from engines.card.found import of_model
from engines.card.text import Model, model_card
from engines.store import CARD_FILE, files_digest, read_provenance

DEFAULT_RESULTS = Path("docs/benchmarks")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--models", type=Path, metavar="DIR", help="model directory (shipped)")
    parser.add_argument("--results", type=Path, metavar="DIR", default=DEFAULT_RESULTS,
                        help="folder of results.json (%(default)s)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the card beside the manifest.  Raises: ModelError, ConfigError, StoreError."""
    store = ModelStore(args.models)
    path = store.directory / CARD_FILE
    text, left_out = card_of(store, args.results)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; name another --models") from error
    for name in left_out:
        sys.stderr.write(f"{name}: results of another model; left out\n")
    sys.stdout.write(f"{path}\n")
    return EX_OK


def card_of(store: ModelStore, results: Path) -> tuple[str, list[str]]:
    """The card, and the suites whose results are of another model.

    results: folder of results.json, which may be missing.  Raises: ModelError, ConfigError.
    """
    told, files = read_provenance(store.directory), files_digest(store.manifest.digests)
    model = Model(told.name, files, told.trained_on, told.split, told.pretrained, told.facts)
    encoders = encoder_digest(Workbench("", "", str(store.directory), 1))
    every = read_results(results)
    kept = of_model(every, model.name, encoders, files)
    names = {suite.name for suite in kept.suites}
    left_out = [suite.name for suite in every.suites if suite.name not in names]
    return model_card(model, kept), left_out
