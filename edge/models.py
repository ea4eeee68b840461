"""Opens a model directory: every file is checked against its digest before anything runs it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edge.backends import ChosenBackend, cpu_backend
from edge.device import Device
from edge.encoders.engine import Backend, Engine, EngineEncoder
from edge.encoders.int8_probe import InexactInt8Error
from edge.encoders.spec import ENCODERS, FUSION_FILE, MANIFEST_FILE, EncoderSpec, Precision
from edge.errors import CudaLostError, ModelError, one_line
from edge.features import NUMBERS, TICKETS, FeatureForm
from edge.fusion.cpu import CpuFusion
from edge.fusion.parameters import FusionParameters
from edge.preprocess.finder import FINDER_FILE, PersonFinder
from edge.settings import ModelSettings
from edge.stages import Encoder, Fusion
from edge.values import FEATURE_DIM
from edge.vocabulary import MODALITIES, Modality

log = logging.getLogger(__name__)

REMEDY = "reinstall the package, or point models.directory at a complete model directory"
FORMAT = 1

AskedPrecision = Literal["auto", "fp32", "int8"]


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """What a model directory says of itself."""

    name: str
    digests: Mapping[str, str]  # file name -> sha256 hex
    trained_on: tuple[str, ...]  # data sets whose recordings or labels shaped any weight
    made_from: Mapping[str, str]  # INT8 file -> sha256 hex of the FP32 file it was made from


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
            files: dict[str, dict[str, Any]] = data["files"]
            return ModelManifest(
                name=str(data["name"]),
                digests={name: str(entry["sha256"]) for name, entry in files.items()},
                trained_on=tuple(map(str, data["trained_on"])),
                made_from={
                    name: str(entry["made_from"])
                    for name, entry in files.items()
                    if "made_from" in entry
                },
            )
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

    def precision(self, asked: AskedPrecision, on_gpu: bool) -> Precision:
        """What models.precision means here; on_gpu: TensorRT runs the encoders."""
        if asked != "auto":
            return asked
        return "int8" if on_gpu and all(map(self._has_int8, ENCODERS.values())) else "fp32"

    def _has_int8(self, spec: EncoderSpec) -> bool:
        found = self.manifest.made_from.get(spec.int8_file)
        return found is not None and found == self.manifest.digests.get(spec.file)

    def read_encoder(self, spec: EncoderSpec, precision: Precision = "fp32") -> bytes:
        """One encoder's graph.  Raises: ModelError, also when INT8 was made from another FP32."""
        name = spec.file_of(precision)
        if precision == "int8" and not self._has_int8(spec):
            stale = name in self.manifest.made_from
            what = f"made from another {spec.file}" if stale else "no INT8 graph"
            raise ModelError(
                f"{self.directory / name}: {what}; run: python -m calibration int8, or set "
                "models.precision to fp32"
            )
        return self.read(name)


@dataclass(frozen=True, slots=True)
class Models:
    """Everything that was learned, ready to run."""

    name: str
    encoders: Mapping[Modality, Encoder]
    fusion: Fusion
    precision: Precision = "fp32"  # of the encoders
    finder: PersonFinder | None = None  # of people in depth; None: a model that has none
    degraded: frozenset[Modality] = frozenset()  # on the CPU though the GPU should run them
    problem: str | None = None  # why, or why the gate is; with the remedy
    form: FeatureForm = NUMBERS  # of what the encoders give and the gate takes


def open_models(
    settings: ModelSettings, chosen: ChosenBackend | None = None, rooms: int = 1
) -> Models:
    """Load the encoders that the settings ask for, and the gate. Raises: ModelError.

    chosen: what runs the encoders, see ``backends.open_backend``; None: the CPU
    rooms: that decide at once
    """
    backend = chosen or cpu_backend(settings)
    try:
        models = _open(settings, backend, rooms)
    except CudaLostError as error:  # it may well be lost at every start: better watch on the CPU
        backend.give_up(error)
        models = _open(settings, backend, rooms)
    log.info("models name=%s precision=%s", models.name, models.precision)
    return models


def _open(settings: ModelSettings, backend: ChosenBackend, rooms: int) -> Models:
    store = ModelStore(settings.directory)
    wanted = [m for m in MODALITIES if m in settings.modalities]
    precision = store.precision(settings.precision, backend.name == "tensorrt")
    try:
        encoders = load_encoders(store, backend, wanted, precision)
    except InexactInt8Error:
        if settings.precision == "int8":
            raise
        backend.refused.clear()  # one has no plan, and INT8 is not for this CPU
        precision = "fp32"
        encoders = load_encoders(store, backend, wanted, precision)
    digests = {m: store.manifest.digests[ENCODERS[m].file_of(precision)] for m in wanted}
    parameters = load_fusion_parameters(store)
    models = Models(
        name=store.manifest.name,
        encoders=encoders,
        degraded=frozenset(m for m in wanted if digests[m] in backend.refused),
        problem=backend.problem,
        fusion=CpuFusion(parameters),
        precision=precision,
        finder=load_finder(store),
    )
    if backend.device is None or len(models.degraded) == len(wanted):
        return models
    engines = {m: encoder.engine for m, encoder in encoders.items()}
    return join_on_device(models, engines, parameters, backend.device, rooms)


def join_on_device(
    models: Models,
    engines: Mapping[Modality, Engine],
    parameters: FusionParameters,
    device: Device,
    rooms: int,
) -> Models:
    """The same with the gate on the device, and features that stay there; see ``runner``.

    Where the gate cannot run there it runs on the CPU, and the features come back to the host.
    """
    from edge.fusion.compiler import compiler_for
    from edge.runner import make_runner

    try:
        runner = make_runner(device, engines, parameters, compiler_for(device.info), rooms)
    except CudaLostError:
        raise
    except Exception as error:  # whatever it is, the watch must go on
        told = f"the gate runs on the CPU instead of the GPU: {one_line(error)}"
        log.warning(told)
        return replace(models, problem="; ".join(filter(None, (models.problem, told))))
    return replace(models, encoders=runner.encoders, fusion=runner.fusion, form=TICKETS)


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


def load_encoders(
    store: ModelStore,
    backend: Backend,
    modalities: Iterable[Modality],
    precision: Precision = "fp32",
) -> dict[Modality, EngineEncoder]:
    """One encoder for each modality named, each tried once. Raises: ModelError."""
    encoders: dict[Modality, EngineEncoder] = {}
    for m in modalities:
        spec = ENCODERS[m]
        encoders[m] = EngineEncoder(spec, backend.load(store.read_encoder(spec, precision)))
        _try(encoders[m], spec, store.directory / spec.file_of(precision))
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
