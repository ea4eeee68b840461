"""Reads manifests of clips: path, dataset, modalities, label, group."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from edge.errors import MediaError, MissingFileError

COLUMNS = ("path", "dataset", "modalities", "label", "group")


@dataclass(frozen=True, slots=True)
class Row:
    """One clip."""

    path: Path  # the root joined with the manifest's path
    name: str  # the manifest's path, the key of caches and reports
    dataset: str
    modalities: str
    label: str
    group: str  # as the manifest says; split.group_of gives the one that may be trusted


def read_manifest(manifest: Path, root: Path | None = None) -> list[Row]:
    """All rows of a manifest; paths are relative to ``root``, by default the manifest's directory.

    Raises: MissingFileError; MediaError when it lacks a column.
    """
    root = manifest.parent if root is None else root
    try:
        text = manifest.read_text(encoding="utf-8")
    except OSError as error:
        raise MissingFileError(f"{manifest}: cannot be read; name a manifest.csv") from error
    reader = csv.DictReader(text.splitlines())
    absent = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if absent:
        raise MediaError(
            f"{manifest}: lacks the column {', '.join(absent)}; the first line must name "
            f"{','.join(COLUMNS)}"
        )
    return [
        Row(
            root / row["path"],
            row["path"],
            row["dataset"],
            row["modalities"],
            row["label"],
            row["group"],
        )
        for row in reader
    ]
