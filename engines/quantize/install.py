"""Puts INT8 graphs into a model directory; whatever happens, the directory is whole.

An INT8 file lies beside its FP32 file and the manifest names both:
  "rgb.int8.onnx": {"sha256", "bytes", "made_from": sha256 of rgb.onnx, "int8": what was measured}
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from edge.encoders.spec import INT8_SUFFIX, MANIFEST_FILE
from edge.errors import ModelError, StoreError
from edge.models import ModelStore
from engines.quantize.recipe import Quantised
from engines.store import CARD_FILE, read_provenance, write_model_dir

Manifest = dict[str, Any]


def check_writable(directory: Path) -> None:
    """Find out before an hour of work whether a directory can be made and written.

    Raises: StoreError.
    """
    there = next(p for p in (directory, *directory.absolute().parents) if os.path.lexists(p))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise StoreError(
            f"cannot write {directory}: {there} is no folder that you may write; choose another"
        )


def install(source: ModelStore, out: Path, results: Sequence[Quantised]) -> None:
    """Copy a model to ``out`` with INT8 graphs added; ``out`` may be the model's own directory.

    An older INT8 graph is first taken out of the manifest, then replaced, then named again: a
    power cut in between leaves a model without it, never one with a wrong file. INT8 graphs that
    ``out`` has for other encoders stay if they were made from the same FP32 ones.
    Raises: StoreError, ModelError.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        manifest = _base(source, out)
        fresh = {one.original.spec.int8_file: one for one in results}
        for name in fresh:
            manifest["files"].pop(name, None)
        _write(out / MANIFEST_FILE, _text(manifest))
        for name, one in fresh.items():
            _write(out / name, one.int8)
            manifest["files"][name] = entry_of(one)
        _write(out / MANIFEST_FILE, _text(manifest))
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error.strerror}; choose another --out") from error


def write_alone(source: ModelStore, out: Path, results: Sequence[Quantised]) -> None:
    """Write a model whose encoders are the INT8 graphs, under the names of the FP32 ones.

    For benchmarks, which know one precision.  Raises: StoreError, ModelError.
    """
    made = read_provenance(source.directory)
    names = [name for name in source.manifest.digests if not name.endswith(INT8_SUFFIX)]
    files = {name: source.read(name) for name in names}
    files |= {one.original.spec.file: one.int8 for one in results}
    try:
        write_model_dir(out, files, replace(made, name=f"{made.name}-int8"))
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error.strerror}; choose another") from error


def entry_of(one: Quantised) -> dict[str, Any]:
    """What the manifest says of an INT8 file."""
    return {
        "sha256": sha256(one.int8).hexdigest(),
        "bytes": len(one.int8),
        "made_from": sha256(one.original.fp32).hexdigest(),
        "int8": {
            "method": one.method,
            "float_layers": list(one.kept),
            "cosine": round(one.fidelity.cosine, 5),
            "sqnr_db": round(one.fidelity.sqnr_db, 2),
            "compared": one.fidelity.items,
        },
    }


def _base(source: ModelStore, out: Path) -> Manifest:
    """Copy what is not INT8, and give the manifest of that and of INT8 graphs that still fit."""
    given = _read(source.directory)
    if _same(source.directory, out):
        return given
    before = _read_old(out)
    digest_of = {name: entry["sha256"] for name, entry in before.items()}
    if any(digest_of.get(name) != entry["sha256"] for name, entry in given["files"].items()):
        (out / MANIFEST_FILE).unlink(missing_ok=True)  # a directory without one was interrupted
    for name in given["files"]:
        _write(out / name, source.read(name))
    digests = {entry["sha256"] for entry in given["files"].values()}
    kept = {name: entry for name, entry in before.items() if entry.get("made_from") in digests}
    own = {**given, "files": {**kept, **given["files"]}}
    card = source.directory / CARD_FILE
    if card.exists():
        _write(out / CARD_FILE, card.read_bytes())
    return own


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _read(directory: Path) -> Manifest:
    manifest: Manifest = json.loads((directory / MANIFEST_FILE).read_text(encoding="utf-8"))
    return manifest


def _read_old(directory: Path) -> dict[str, dict[str, Any]]:
    """Files of a model that is to be replaced; none of a manifest that is absent or damaged."""
    try:
        ModelStore(directory)  # has its form checked
    except ModelError:
        return {}
    return dict(_read(directory)["files"])


def _text(manifest: Mapping[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()


def _write(path: Path, data: bytes) -> None:
    """The file appears whole, and on the disk, or not at all."""
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
