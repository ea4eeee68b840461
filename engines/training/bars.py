"""Progress of a long run on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from queue import Empty, Queue
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import TaskID

    from engines.training.lane import Note

POLL_S = 0.5


class Bars:
    """A bar for each task, on stderr; a context manager."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description:24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While another program draws its own bars."""
        self._progress.stop()
        yield
        self._progress.start()

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(line, highlight=False, markup=False)

    def show(self, task: str, done: int, total: int, loss: float = 0.0) -> None:
        """Move a task's bar, making it when it is new."""
        text = f"{task} loss {loss:.3f}" if loss else task
        if task not in self._tasks:
            self._tasks[task] = self._progress.add_task(text, total=total)
        self._progress.update(self._tasks[task], completed=done, total=total, description=text)

    def track(self, task: str) -> Callable[[Iterable[Any], int], Iterator[Any]]:
        """Wrap an iterable of known length so that it moves a bar."""

        def tracked(items: Iterable[Any], total: int) -> Iterator[Any]:
            for number, item in enumerate(items):
                yield item
                self.show(task, number + 1, total)

        return tracked

    def follow(self, notes: Queue[Note], running: Sequence[Future[Any]]) -> None:
        """Show notes until all futures are done or one fails."""
        while not all(future.done() for future in running):
            if any(future.done() and future.exception() for future in running):
                return
            try:
                note = notes.get(timeout=POLL_S)
            except Empty:
                continue
            self.show(note.task, note.done, note.total, note.loss)
