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

    Raises: MissingFileError; MediaError when it is not such a table.
    """
    root = manifest.parent if root is None else root
    try:
        text = manifest.read_text(encoding="utf-8-sig")  # spreadsheets put a mark in front
    except OSError as error:
        raise MissingFileError(f"{manifest}: cannot be read; name a manifest.csv") from error
    except UnicodeDecodeError as error:
        raise MediaError(f"{manifest}: not UTF-8 text; name a manifest.csv") from error
    try:
        return _rows(csv.DictReader(text.splitlines()), manifest, root)
    except csv.Error as error:
        raise MediaError(f"{manifest}: not a table: {error}; name a manifest.csv") from error


def _rows(reader: csv.DictReader[str], manifest: Path, root: Path) -> list[Row]:
    absent = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if absent:
        raise MediaError(
            f"{manifest}: lacks the column {', '.join(absent)}; the first line must name "
            f"{','.join(COLUMNS)}"
        )
    rows = []
    for row in reader:
        cells = [row[name] for name in COLUMNS]
        if not cells[0] or None in cells:
            raise MediaError(f"{manifest}: line {reader.line_num} lacks a column; complete it")
        rows.append(Row(root / cells[0], *cells))
    return rows
