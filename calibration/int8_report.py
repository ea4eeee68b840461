"""What a quantisation found, as tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edge.vocabulary import Modality
from engines.quantize.accuracy import FP32, TaskScore
from engines.quantize.fidelity import LayerError
from engines.quantize.recipe import Quantised
from engines.quantize.speed import Speed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WORST_LAYERS = 10


def methods_table(results: Sequence[Quantised]) -> Table:
    """Where to clip: mean cosine of the features with FP32's, rare case, and noise, by rule."""
    heads = ("cosine", "1 in 100 below", "SQNR dB", "compared", "taken")
    table = _table("Features against FP32: where INT8 clips", ("encoder", "rule"), heads)
    for one in results:
        for method, found in one.found.items():
            table.add_row(
                one.original.spec.modality.value,
                method,
                f"{found.cosine:.4f}",
                f"{found.cosine_rare:.4f}",
                f"{found.sqnr_db:.1f}",
                str(found.items),
                "yes" if method == one.method else "",
            )
    return table


def layers_table(one: Quantised, every: bool) -> Table:
    """Error of an encoder's layers, in the graph's order, or only of the most sensitive ones."""
    name, total = one.original.spec.modality.value, one.original.layers
    kept = f", in float: {', '.join(one.kept)}" if one.kept else ""
    shown = list(one.errors)
    if not every:
        shown = sorted(shown, key=lambda error: error.alone_db)[:WORST_LAYERS]
    of = f"{len(shown)} most sensitive of " if len(shown) < len(one.errors) else ""
    title = f"{name}: {of}{total} layers{kept}"
    table = _table(title, ("layer",), ("output dB", "alone dB"))
    table.caption = "signal against noise: in its output; in the features when it alone is INT8"
    for error in shown:
        table.add_row(*_cells(error))
    return table


def _cells(error: LayerError) -> tuple[str, str, str]:
    return error.name, f"{error.output_db:.1f}", f"{error.alone_db:.1f}"


def speed_table(speeds: Mapping[Modality, Speed]) -> Table:
    """CPU times of both precisions from one run."""
    table = _table("OpenVINO on this CPU", ("encoder",), ("FP32 ms", "INT8 ms", "times faster"))
    table.caption = "a frame or patch, one thread, best of many in turn; a busy machine adds noise"
    for m, speed in speeds.items():
        table.add_row(m.value, f"{speed.fp32_ms:.2f}", f"{speed.int8_ms:.2f}", f"{speed.ratio:.2f}")
    return table


def accuracy_table(scores: Mapping[str, Sequence[TaskScore]]) -> Table:
    """Points of balanced accuracy: FP32, then changes with each encoder in INT8, and with all."""
    title = "Balanced accuracy of the gate, points; changes with encoders in INT8"
    table = _table(title, ("data", "question"), ("items", *scores))
    for row, exact in enumerate(scores[FP32]):
        changes = [
            f"{100 * (rows[row].balanced_accuracy - exact.balanced_accuracy):+.2f}"
            for name, rows in scores.items()
            if name != FP32
        ]
        plain = f"{100 * exact.balanced_accuracy:.2f}"
        table.add_row(exact.dataset, exact.task, str(exact.items), plain, *changes)
    return table


def _table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(title=title)
    for head in words:
        table.add_column(head, no_wrap=True)
    for head in numbers:
        table.add_column(head, justify="right")
    return table


def show(console: Console, results: Sequence[Quantised], every_layer: bool) -> None:
    """What was measured of each encoder."""
    console.print(methods_table(results))
    for one in results:
        if one.errors:
            console.print(layers_table(one, every_layer))
