"""Items on disk: written once under a digest of their content, mapped into memory by workers."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from numpy.typing import NDArray

from edge.errors import StoreError
from edge.vocabulary import Modality
from engines.benchmarks.items import Items

ARRAYS = ("features", "valid", "quality", "labels")
WORDS = "words.json"


def items_digest(items: Items) -> str:
    """Name items after all that they hold."""
    digest = sha256(json.dumps(_words(items)).encode())
    for name in ARRAYS:
        array: NDArray[np.generic] = np.ascontiguousarray(getattr(items, name))
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()[:24]


def _words(items: Items) -> dict[str, list[str]]:
    named = [field.name for field in fields(Items) if field.name not in ARRAYS]
    return {name: [str(getattr(v, "value", v)) for v in getattr(items, name)] for name in named}


def save_items(directory: Path, items: Items) -> str:
    """Write items unless they are there; the folder appears whole or not at all.

    returns: the digest, which is the folder's name.  Raises: StoreError.
    """
    digest = items_digest(items)
    if (directory / digest).exists():
        return digest
    try:
        directory.mkdir(parents=True, exist_ok=True)
        partial = Path(mkdtemp(prefix=".part-", dir=directory))
        for name in ARRAYS:
            np.save(partial / f"{name}.npy", getattr(items, name))
        (partial / WORDS).write_text(json.dumps(_words(items)), encoding="utf-8")
        partial.rename(directory / digest)
    except OSError as error:
        raise StoreError(f"cannot write {directory}: {error.strerror}; choose another") from error
    return digest


def load_items(directory: Path, digest: str) -> Items:
    """Read items back; the features stay in the file until used, and are never written."""
    folder = directory / digest
    words = json.loads((folder / WORDS).read_text(encoding="utf-8"))
    modalities = tuple(Modality(name) for name in words.pop("modalities"))
    return Items(
        modalities=modalities,
        features=np.load(folder / "features.npy", mmap_mode="c"),
        valid=np.load(folder / "valid.npy"),
        quality=np.load(folder / "quality.npy"),
        labels=np.load(folder / "labels.npy"),
        **{name: tuple(values) for name, values in words.items()},
    )


def forget_items(directory: Path) -> None:
    """Remove what ``save_items`` wrote: predictions that were made of it stay valid."""
    shutil.rmtree(directory, ignore_errors=True)
