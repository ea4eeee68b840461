"""Runs the runtime's own pipeline for a while, with encoders that measure instead of watching.

For calibration on site: sources, clocks, windows and preprocessing are those of ``gatehouse run``;
no alarm is raised and nothing is sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.clock import Clock
from edge.compose import make_window, open_source
from edge.fusion.cpu import CpuFusion
from edge.intake import Ended, News, RoomFeed, Slots, Started
from edge.models import ModelStore, load_finder, load_fusion_parameters
from edge.pipeline import Pipeline
from edge.privacy import Privacy
from edge.settings import Settings
from edge.stages import Encoder, Synchroniser
from edge.values import F32, Decision, Fused, Sample, Step, Tick
from edge.vocabulary import Modality

POLL_S = 0.25
JOIN_S = 2.0


class CountingEncoder:
    """Satisfies stages.Encoder; what runs inside counts."""

    def __init__(self, modality: Modality, run: Callable[[NDArray[Any]], F32]) -> None:
        self.modality, self._run = modality, run
        self.frames = 0

    def encode(self, batch: NDArray[Any]) -> F32:
        """See stages.Encoder."""
        rows = [self._run(batch[i : i + 1]) for i in range(len(batch))]
        self.frames += len(batch)
        return np.concatenate(rows)


class NoDecider:
    """Satisfies stages.Decider; raises no alarm."""

    def decide(self, fused: Fused) -> Decision:
        """See stages.Decider."""
        return Decision(fused, ())


@dataclass(frozen=True, slots=True)
class Rooms:
    """What is watched, and the stages that are not calibrated."""

    settings: Settings
    store: ModelStore
    clock: Clock

    def watch(
        self, encoders: Mapping[Modality, Encoder], seconds: float, told: Callable[[float], None]
    ) -> None:
        """Run the pipeline so long, or until every file has ended.

        told: is given the seconds so far, a few times a second
        Raises: the error of a room whose source failed for good.
        """
        deciders = {room.name: NoDecider() for room in self.settings.rooms}
        fusion = CpuFusion(load_fusion_parameters(self.store))
        pipeline = Pipeline(encoders, fusion, deciders, load_finder(self.store))
        slots, stop = Slots(list(deciders)), threading.Event()
        privacy = Privacy(self.settings.privacy, self.settings.rooms, self.clock)
        feeds = [
            RoomFeed(
                r.name,
                source,
                open_source,
                slots,
                self.clock,
                stop,
                admit=privacy.admit(r.name),
                name=name,
            )
            for r in self.settings.rooms
            for name, source in r.feeds.items()
        ]
        threads = [feed.start() for feed in feeds]
        try:
            self._loop(pipeline, slots, seconds, told)
        finally:
            stop.set()
            slots.close()
            for feed in feeds:
                feed.close()
            for thread in threads:
                thread.join(JOIN_S)

    def _loop(
        self, pipeline: Pipeline, slots: Slots, seconds: float, told: Callable[[float], None]
    ) -> None:
        grids: dict[str, Synchroniser] = {}
        waiting = {(room.name, name) for room in self.settings.rooms for name in room.feeds}
        start_ns = self.clock.monotonic_ns()
        while waiting and (passed := (self.clock.monotonic_ns() - start_ns) / 1e9) < seconds:
            told(passed)
            items: list[tuple[str, Step | Tick]] = []
            for room, news in slots.take(POLL_S):
                items += [(room, item) for item in self._advance(room, news, grids)]
                if isinstance(news, Ended) and news.final:
                    waiting.discard((room, news.source))
            pipeline.feed(items)

    def _advance(
        self, room: str, news: News, grids: dict[str, Synchroniser]
    ) -> Sequence[Step | Tick]:
        """What news of a room completes on its grid.  Raises: what ended its source for good."""
        if isinstance(news, Sample):
            return grids[room].push(news)
        (feeds,) = (r.feeds for r in self.settings.rooms if r.name == room)
        alone = len(feeds) == 1
        if isinstance(news, Started):
            if alone or room not in grids:  # several devices share a grid, whoever comes first
                streams = news.streams.union(*(source.streams for source in feeds.values()))
                grids[room] = make_window(streams, self.settings.window)
            return []
        if news.final and news.error is not None:
            raise news.error
        return grids[room].flush() if alone and room in grids else []
