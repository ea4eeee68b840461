"""Clips under bad weather as features: decoded once for all conditions, and kept.

Only the side that a condition changes is encoded and kept, pictures or sound; the other side is
that of the clip as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from edge.errors import GatehouseError, MediaError
from edge.models import ModelStore, load_encoders, load_finder, read_finder
from edge.preprocess.finder import PersonFinder
from edge.stages import Source
from edge.values import Sample, Stream
from edge.vocabulary import MODALITIES, Modality
from engines.benchmarks.code import DECODING, code_digest
from engines.benchmarks.features import Encoded, encoder_digest, model_store
from engines.benchmarks.items import Workbench
from engines.benchmarks.pretexts.views import ViewStore, encoded_by
from engines.benchmarks.weather.conditions import Condition, spoiler_of
from engines.benchmarks.weather.noise import Noise, rms, sound_of
from engines.processes import worker_pool
from engines.training.cache import cached_path
from engines.training.datasets import VIDEO, ClipInputs, Part, load_inputs, open_row, read_inputs
from engines.training.manifest import Row

CHUNK = 6  # clips of one job: compiling the encoders takes as long as one clip
OWN = (
    ("engines.benchmarks.weather", "conditions"),
    ("engines.benchmarks.weather", "noise"),
    ("engines.training", "spoilers"),
)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Order:
    """One clip and the conditions it is wanted in."""

    row: Row
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A source that was read before; satisfies stages.Source as often as needed."""

    streams: frozenset[Stream]
    kept: tuple[Sample, ...]

    def samples(self) -> Iterator[Sample]:
        """See stages.Source."""
        yield from self.kept


@dataclass(frozen=True, slots=True)
class WeatherStore:
    """Where features of clips under bad weather are kept."""

    views: ViewStore
    inputs: Path  # cache of encoder inputs that a training may have left

    def missing(self, order: Order) -> Order:
        """What is still to be made of it."""
        todo = set(self.views.missing(order.row, names_of(order)))
        return replace(order, conditions=tuple(c for c in order.conditions if c.name in todo))

    def load(self, clean: Encoded, condition: Condition) -> Encoded | None:
        """The clip under a condition; None when it could not be made."""
        if self.views.missing(clean.row, [condition.name]):
            return None
        return over(clean, self.views.load(clean.row, condition.name), condition)

    def load_all(self, clips: Sequence[Encoded], condition: Condition) -> list[Encoded]:
        """Clips under a condition.  Raises: MediaError when one could not be made."""
        found = [(clip, self.load(clip, condition)) for clip in clips]
        lost = [clip.row.path for clip, made in found if made is None]
        if lost:
            raise MediaError(f"{lost[0]}: cannot be judged under {condition.name}; see its message")
        return [made for _, made in found if made is not None]


def names_of(order: Order) -> list[str]:
    """Of its conditions."""
    return [condition.name for condition in order.conditions]


def changed_side(condition: Condition) -> tuple[Modality, ...]:
    """Which modalities are not as in the clip as it is."""
    return (Modality.AUDIO,) if condition.is_sound else VIDEO


def over(clean: Encoded, changed: Encoded, condition: Condition) -> Encoded:
    """The clean clip with the changed side of another version of it."""
    side = changed_side(condition)
    kept = {m: part for m, part in clean.inputs.parts.items() if m not in side}
    own = {m: values for m, values in clean.features.items() if m not in side}
    inputs = replace(clean.inputs, parts={**kept, **changed.inputs.parts})
    return replace(clean, inputs=inputs, features={**own, **changed.features})


def open_weather(bench: Workbench) -> WeatherStore:
    """The store of the workbench's encoders and of this preprocessing.  Raises: ModelError."""
    store = model_store(bench)
    finder = sha256(read_finder(store) or b"").hexdigest()[:8]
    name = f"{encoder_digest(bench)}-{code_digest([*DECODING, *OWN])}-{finder}"
    inputs = Path(bench.work) / "inputs" / f"{code_digest(DECODING)}-{finder}"
    return WeatherStore(ViewStore(Path(bench.work) / "weather" / name, store.directory), inputs)


def make_weather(
    store: WeatherStore,
    orders: Sequence[Order],
    noise: Noise | None,
    workers: int,
    progress: Progress,
    task: str,
) -> list[str]:
    """Make what is missing; returns one line for each clip that could not be read."""
    todo = [left for order in orders if (left := store.missing(order)).conditions]
    if not todo:
        return []
    chunks = [todo[start : start + CHUNK] for start in range(0, len(todo), CHUNK)]
    problems: list[str] = []
    done = len(orders) - len(todo)
    progress(task, done, len(orders))
    with worker_pool(min(workers, len(chunks))) as pool:
        jobs = {pool.submit(make_chunk, store, chunk, noise): chunk for chunk in chunks}
        for job in as_completed(jobs):
            problems += job.result()
            done += len(jobs[job])
            progress(task, done, len(orders))
    return problems


def make_chunk(store: WeatherStore, orders: Sequence[Order], noise: Noise | None) -> list[str]:
    """Some clips, in a process of their own."""
    import cv2

    from edge.encoders.openvino import OpenVinoBackend

    cv2.setNumThreads(1)
    models = ModelStore(store.views.models)
    finder = load_finder(models)
    encoders = load_encoders(models, OpenVinoBackend(1), MODALITIES)
    problems = []
    for order in orders:
        try:
            for condition, inputs in spoiled_inputs(order, store.inputs, noise, finder):
                side = changed_side(condition)
                kept = replace(inputs, parts=only(inputs, side))
                features = encoded_by(encoders, kept)
                store.views.save(order.row, condition.name, kept, features)
        except GatehouseError as error:
            problems.append(str(error))
    return problems


def only(inputs: ClipInputs, side: Sequence[Modality]) -> dict[Modality, Part]:
    """Parts of one side."""
    return {m: part for m, part in inputs.parts.items() if m in side}


def spoiled_inputs(
    order: Order, cache: Path, noise: Noise | None, finder: PersonFinder | None
) -> Iterator[tuple[Condition, ClipInputs]]:
    """Encoder inputs under every condition; those that a training cached are not made again."""
    source: Source | None = None
    for condition in order.conditions:
        cached = cached_path(cache, order.row, condition.kind)
        if condition.training and cached.exists():
            yield condition, load_inputs(cached, frozenset(changed_side(condition)))
            continue
        if source is None:
            opened = open_row(order.row)
            source = Held(opened.streams, tuple(opened.samples()))
            own_rms = rms(sound_of(source.kept))
        spoil = spoiler_of(condition, order.row, noise, own_rms)
        yield condition, read_inputs(source, spoil, finder)
