"""Opens a model directory: every file is checked against its digest before anything runs it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from edge.encoders.engine import Backend, EngineEncoder
from edge.encoders.spec import ENCODERS, FUSION_FILE, MANIFEST_FILE, EncoderSpec
from edge.errors import ModelError
from edge.fusion.cpu import CpuFusion
from edge.fusion.parameters import FusionParameters
from edge.preprocess.finder import FINDER_FILE, PersonFinder
from edge.settings import ModelSettings
from edge.stages import Encoder, Fusion
from edge.values import FEATURE_DIM
from edge.vocabulary import MODALITIES, Modality

REMEDY = "reinstall the package, or point models.directory at a complete model directory"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """What a model directory says of itself."""

    name: str
    digests: Mapping[str, str]  # file name -> sha256 hex
    trained_on: tuple[str, ...]  # data sets whose recordings or labels shaped any weight


class ModelStore:
    """A directory of ONNX files beside a manifest with their SHA-256 digests."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or Path(str(files("edge") / "weights"))
        self.manifest = self._read_manifest()

    def _read_manifest(self) -> ModelManifest:
        path = self.directory / MANIFEST_FILE
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ModelError(f"{path}: no model manifest; {REMEDY}") from error
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: the model manifest cannot be read; {REMEDY}") from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ModelError(f"{path}: not a manifest of format {FORMAT}; {REMEDY}")
        try:
            digests = {str(name): str(entry["sha256"]) for name, entry in data["files"].items()}
            return ModelManifest(str(data["name"]), digests, tuple(map(str, data["trained_on"])))
        except (KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{path}: the model manifest lacks {error}; {REMEDY}") from error

    def read(self, name: str) -> bytes:
        """Return a file's bytes once its digest matches. Raises: ModelError."""
        path = self.directory / name
        expected = self.manifest.digests.get(name)
        if expected is None:
            raise ModelError(f"{path}: not in the model manifest; {REMEDY}")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"{path}: the model file is missing or unreadable; {REMEDY}"
            ) from error
        found = sha256(data).hexdigest()
        if found != expected:
            raise ModelError(
                f"{path}: the model file is damaged (sha256 {found[:12]}..., "
                f"expected {expected[:12]}...); {REMEDY}"
            )
        return data


@dataclass(frozen=True, slots=True)
class Models:
    """Everything that was learned, ready to run."""

    name: str
    encoders: Mapping[Modality, Encoder]
    fusion: Fusion
    finder: PersonFinder | None = None  # of people in depth; None: a model that has none


def open_models(settings: ModelSettings) -> Models:
    """Load the encoders that the settings ask for, and the gate. Raises: ModelError."""
    store = ModelStore(settings.directory)
    backend = open_backend(settings)
    wanted = [m for m in MODALITIES if m in settings.modalities]
    return Models(
        name=store.manifest.name,
        encoders=load_encoders(store, backend, wanted),
        fusion=CpuFusion(load_fusion_parameters(store)),
        finder=load_finder(store),
    )


def read_finder(store: ModelStore) -> bytes | None:
    """The file of the finder of people, None when the manifest names none. Raises: ModelError."""
    return store.read(FINDER_FILE) if FINDER_FILE in store.manifest.digests else None


def load_finder(store: ModelStore) -> PersonFinder | None:
    """The finder of people, None when the manifest names none. Raises: ModelError."""
    data = read_finder(store)
    if data is None:
        return None
    try:
        return PersonFinder(data)
    except ValueError as error:
        raise ModelError(f"{store.directory / FINDER_FILE}: {error}; {REMEDY}") from error


def open_backend(settings: ModelSettings) -> Backend:
    """Name the concrete back end; its heavy import happens here."""
    from edge.encoders.openvino import OpenVinoBackend

    return OpenVinoBackend(settings.threads)


def load_encoders(
    store: ModelStore, backend: Backend, modalities: Iterable[Modality]
) -> dict[Modality, Encoder]:
    """One encoder for each modality named, each tried once. Raises: ModelError."""
    encoders: dict[Modality, Encoder] = {}
    for m in modalities:
        spec = ENCODERS[m]
        encoders[m] = EngineEncoder(spec, backend.load(store.read(spec.file)))
        _try(encoders[m], spec, store.directory / spec.file)
    return encoders


def _try(encoder: Encoder, spec: EncoderSpec, path: Path) -> None:
    """Encode nothing but zeros: a graph of another version must not fail in front of a fall."""
    try:
        found = encoder.encode(np.zeros((1, *spec.input_shape), spec.input_type))
    except RuntimeError as error:
        raise ModelError(f"{path}: does not take {spec.modality.value} input; {REMEDY}") from error
    if found.shape != (1, FEATURE_DIM) or not np.isfinite(found).all():
        raise ModelError(f"{path}: does not give {FEATURE_DIM} finite features; {REMEDY}")


def load_fusion_parameters(store: ModelStore) -> FusionParameters:
    """Read the fusion weights from the initialisers of the fusion graph. Raises: ModelError."""
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load_model_from_string(store.read(FUSION_FILE)).graph
    except Exception as error:  # protobuf has an error tree of its own
        raise ModelError(f"{store.directory / FUSION_FILE}: not an ONNX file; {REMEDY}") from error
    arrays: dict[str, Any] = {
        entry.name: numpy_helper.to_array(entry) for entry in graph.initializer
    }
    names = [field.name for field in fields(FusionParameters)]
    absent = [name for name in names if name not in arrays]
    if absent:
        raise ModelError(f"{store.directory / FUSION_FILE}: lacks {', '.join(absent)}; {REMEDY}")
    return FusionParameters(**{name: arrays[name] for name in names})
