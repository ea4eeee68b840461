"""The models, the NVIDIA driver, TensorRT, the plans, and which back end runs in the end."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from edge.backends import has_gpu, open_backend, why_no_gpu
from edge.device import DeviceInfo, open_device
from edge.doctor.findings import Findings, fail, failed, none, ok, parted, warn
from edge.encoders.spec import ENCODERS
from edge.encoders.tensorrt import import_tensorrt, target_of
from edge.errors import CudaError, PlanError
from edge.models import ModelStore, open_models
from edge.plans import PlanStore, Recipe, Wanted, plan_directory
from edge.settings import ModelSettings
from edge.vocabulary import MODALITIES

OLDEST_TENSORRT = (10, 3)
RELEASE = Path("/etc/nv_tegra_release")
UPDATE = "JetPack 6 or 7: see docs/jetson.md"
GROUPS = "let the service's user open the GPU: usermod -aG video,render gatehouse, then reboot"
ABOVE = "see what fails above"


def models(settings: ModelSettings) -> Findings:
    """Every file against its digest."""
    store = ModelStore(settings.directory)
    for name in store.manifest.digests:
        store.read(name)
    told = f"{store.manifest.name}, {len(store.manifest.digests)} files, whole"
    yield ok("models", f"{told}, in {store.directory}")


def driver(settings: ModelSettings, dev: Path = Path("/dev"), release: Path = RELEASE) -> Findings:
    """The GPU, as its driver names it."""
    reason = why_no_gpu(settings, dev)
    if reason is not None:
        yield none("driver", f"{reason}: networks run on the CPU")
        return
    if not has_gpu(dev):
        told = "no device node of an NVIDIA GPU in /dev, but models.backend is tensorrt"
        yield fail("driver", told, f"set models.backend to auto, or install {UPDATE}")
        return
    try:
        with open_device() as device:
            yield ok("driver", describe(device.info, release))
    except CudaError as error:
        yield failed("driver", error, GROUPS)


def describe(info: DeviceInfo, release: Path) -> str:
    """Board, driver and, on a Jetson, its release."""
    jetson = release.read_text(encoding="utf-8").splitlines()[:1] if release.exists() else []
    version = f"{info.driver // 1000}.{info.driver % 1000 // 10}"
    capability = ".".join(map(str, info.capability))
    told = f"{info.name}, compute capability {capability}, {info.multiprocessors} SMs"
    return "; ".join([told, f"driver for CUDA {version}", *(line.strip("# ") for line in jetson)])


def tensorrt(settings: ModelSettings, dev: Path = Path("/dev")) -> Findings:
    """Its version, and whether the builder's form of network is in it."""
    if why_no_gpu(settings, dev) is not None:
        yield none("tensorrt", "not needed: networks run on the CPU")
        return
    version = str(import_tensorrt().__version__)
    known = tuple(int(part) for part in version.split(".")[:2])
    if known < OLDEST_TENSORRT:
        oldest = ".".join(map(str, OLDEST_TENSORRT))
        yield fail("tensorrt", f"{version} is older than {oldest}", f"install {UPDATE}")
    else:
        yield ok("tensorrt", version)


def plans(settings: ModelSettings, dev: Path = Path("/dev")) -> Findings:
    """Whether each network has a plan that would be run here."""
    if why_no_gpu(settings, dev) is not None:
        yield none("plans", "not needed: networks run on the CPU")
        return
    trt = import_tensorrt()
    with open_device() as device:
        yield from judged(settings, trt, device.info)


def judged(settings: ModelSettings, trt: Any, info: DeviceInfo) -> Findings:
    """One finding for each network that is switched on."""
    store, recipe = PlanStore(plan_directory(settings.plans)), Recipe.for_rooms(settings.plan_rooms)
    files = ModelStore(settings.directory)
    precision = files.precision(settings.precision, on_gpu=True)
    for modality in (m for m in MODALITIES if m in settings.modalities):
        onnx = files.read_encoder(ENCODERS[modality], precision)
        wanted = Wanted(sha256(onnx).hexdigest(), recipe, target_of(trt, info))
        what = f"plan {modality.value}"
        try:
            size = len(store.load(wanted))
            yield ok(what, f"{wanted.key}, {size / 1e6:.1f} MB, for {wanted.target}")
        except PlanError as error:
            yield failed(what, error)


def backend(settings: ModelSettings, dev: Path = Path("/dev")) -> Findings:
    """What ``run`` would use; loads every network."""
    with open_backend(settings, dev) as chosen:
        opened = open_models(settings, chosen)
        if opened.problem is None:
            yield ok("back end", f"{chosen.name}, {opened.precision} encoders: {chosen.why}")
        else:
            told, remedy = parted(opened.problem)
            on_cpu = ", ".join(m.value for m in MODALITIES if m in opened.degraded) or "the gate"
            told = f"{opened.precision} encoders; {told}; on the CPU: {on_cpu}"
            yield warn("back end", told, remedy or ABOVE)
