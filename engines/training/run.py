"""One training run: its stages, in order or one by one."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from edge.errors import EX_OK, EX_UNAVAILABLE, MediaError, StoreError
from edge.preprocess.finder import FINDER_FILE
from edge.vocabulary import Modality
from engines.processes import worker_pool
from engines.training.bars import Bars
from engines.training.cache import Clip, cache_clips
from engines.training.clips import STORIES, clips_of, divide, training_rows, usable
from engines.training.labels import LabelMap
from engines.training.plan import PICTURES, Preset, TimePlan, lanes, stream_settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingRun:
    """Where everything is, and how much there is to do."""

    preset: Preset
    plan: TimePlan
    work: Path
    artefacts: Path
    data: Path
    labels: LabelMap
    seed: int
    bars: Bars

    def run(self, stages: Sequence[str], out: Path | None, started: float) -> None:
        """Do the stages; what an earlier one left is found again, what it did not is made."""
        self.render()
        self.find_people()
        if set(stages) == {"rooms"}:
            return
        train, held_out = divide(self.decoded())
        self.bars.say(f"{len(train)} training clips, {len(held_out)} held out")
        if not train or all(clip.spoiled for clip in held_out):
            raise MediaError("too few clips to hold some out for calibration; raise --clips")
        self.streams(stages, train, held_out, started)
        if "heads" in stages and out is not None:
            from engines.training.finish import close_run

            written = close_run(
                train, held_out, self.preset, self.plan, self.seed, self.work, self.artefacts,
                out, self.bars,
            )  # fmt: skip
            self.bars.say(f"written to {out}: {written}")

    def render(self) -> None:
        """Let the generator fill its folder; what is there already is kept.  Raises: StoreError."""
        self._rooms(self.rooms, "--clips", self.plan.clips, "--seed", self.seed)
        for told in self.preset.stories:
            folder = self.rooms / STORIES / told.kind
            self._rooms(
                folder, "--scenes", told.count, "--kind", told.kind, "--seed", self.seed + told.seed
            )

    def _rooms(self, out: Path, *options: str | int) -> None:
        command = [sys.executable, "-m", "engines", "rooms", "--split", "train"]
        command += ["--out", str(out), "--workers", str(self.plan.workers), *map(str, options)]
        with self.bars.paused():
            status = subprocess.run(command, check=False).returncode
        if status != EX_OK:
            error = StoreError(f"rendering failed with status {status}; its message is above")
            error.exit_code = status if status > 0 else EX_UNAVAILABLE
            raise error

    @property
    def rooms(self) -> Path:
        """Where the rendered clips are."""
        return self.work / "rooms"

    def find_people(self) -> None:
        """Train the network that the crop follows, unless an earlier stage left it."""
        from engines.training.finder import FinderSettings, train_finder

        if self.preset.staged and (self.artefacts / FINDER_FILE).exists():
            return
        rendered = [c for c in self.clips(spoiled_every=0) if c.row.dataset == "rooms"]
        train, held_out = divide(rendered)
        settings = FinderSettings(minutes=self.preset.finder_minutes, seed=self.seed)
        made = self.work / "finder" / FINDER_FILE
        made.parent.mkdir(exist_ok=True)

        def report(done: int, total: int, loss: float) -> None:
            if done % 20 == 0 or done == total:
                self.bars.show("find people", done, total, loss)

        facts = train_finder(train, held_out, settings, made, report)
        shutil.copy(made, self.artefacts / FINDER_FILE)
        self.bars.say(f"finder of people: {facts}")

    def clips(self, spoiled_every: int) -> list[Clip]:
        """Everything that may be trained on."""
        rows = training_rows(self.rooms, self.data)
        if all(row.dataset == "rooms" for row in rows):
            self.bars.say(f"{self.data} has no recorded set: training on rendered rooms alone")
        return clips_of(rows, self.labels, self.work / "inputs", spoiled_every)

    def decoded(self) -> list[Clip]:
        """All clips cut into encoder inputs; those that cannot be read are named and left out."""
        clips = self.clips(self.preset.spoiled_every)
        finder = self.artefacts / FINDER_FILE
        problems = cache_clips(clips, self.plan.workers, self.bars.track("decode"), finder)
        for problem in problems:
            log.warning("%s", problem)
        if problems:
            self.bars.say(f"{len(problems)} clips could not be read, the first: {problems[0]}")
        kept = usable(clips)
        if not any(clip.row.dataset == "rooms" for clip in kept):
            raise MediaError("no rendered room could be read; delete them in --work and run again")
        return kept

    def streams(
        self, stages: Sequence[str], train: Sequence[Clip], held_out: Sequence[Clip], started: float
    ) -> None:
        """Train the encoders that are asked for, side by side."""
        from engines.training.audio import AudioSettings
        from engines.training.lane import Lane, run_lane

        audio = AudioSettings(self.preset.audio_steps, seed=self.seed)
        spent = (time.monotonic() - started) / 60
        wanted = [m for m in PICTURES if m.value in stages]
        if self.preset.staged:
            minutes = max(self.plan.minutes - spent, 1.0)
            rows = [[stream_settings(self.preset, m, minutes, self.seed)] for m in wanted]
            if Modality.AUDIO.value in stages:
                rows.append([])
            hears = len(rows) - 1 if Modality.AUDIO.value in stages else -1
        else:
            left = max(self.plan.minutes - spent - self.plan.closing_minutes, 0.1)
            rows, hears = lanes(self.preset, left, self.plan.workers, self.seed), 0
        jobs = [
            Lane(row, audio if i == hears else None, train, held_out, self.work, self.artefacts)
            for i, row in enumerate(rows)
        ]
        with get_context("spawn").Manager() as manager, worker_pool(self.plan.workers) as pool:
            notes = manager.Queue()
            running = [pool.submit(run_lane, job, notes) for job in jobs]
            self.bars.follow(notes, running)
            for future in running:
                future.result()  # raises what stopped it
