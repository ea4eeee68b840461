"""Names code by what it does: caches are made anew when the code that filled them changes."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files

DECODING = (
    ("edge.preprocess", ""),
    ("edge", "window"),
    ("edge", "tracks"),
    ("edge", "signals"),
    ("edge.encoders", "spec"),
    ("engines.training", "datasets"),
)
"""(package, start of module names): what lies between a file and the encoders' inputs."""


def code_digest(places: Sequence[tuple[str, str]]) -> str:
    """Digest of modules without their comments and docstrings."""
    digest = sha256()
    for package, stem in places:
        for file in sorted(files(package).iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".py") and file.name.startswith(stem):
                digest.update(file.name.encode() + meaning(file.read_text(encoding="utf-8")))
    return digest.hexdigest()[:16]


def meaning(source: str) -> bytes:
    """What is left of a module when nobody reads it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return ast.dump(tree).encode()
