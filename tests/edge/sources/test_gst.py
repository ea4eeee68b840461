from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge.errors import ConfigError
from edge.sources import gst as core

try:
    GST = core.load()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)


def first(pipeline: core.Pipeline) -> core.Delivery:
    """What the appsink called out gets first."""
    pipeline.play()
    delivery = pipeline.pull(pipeline.bin.get_by_name("out"), 10_000_000_000)
    assert delivery is not None
    return delivery


def test_a_plugin_that_is_not_installed_is_named_with_its_packages() -> None:
    with (
        pytest.raises(ConfigError, match=r"noSuchElement.*apt install .*libav"),
        core.opened(GST, "noSuchElement ! fakesink"),
    ):
        pass


@pytest.mark.parametrize(
    ("form", "width", "shape"),
    [("GRAY8", 7, (3, 7)), ("GRAY8", 8, (3, 8)), ("RGB", 5, (3, 5, 3)), ("RGB", 8, (3, 8, 3))],
)
def test_a_picture_comes_without_the_bytes_that_pad_its_rows(
    form: str, width: int, shape: tuple[int, ...]
) -> None:
    description = (
        f"videotestsrc pattern=white num-buffers=1 ! video/x-raw,format={form},width={width},"
        "height=3,framerate=10/1 ! appsink name=out sync=false"
    )
    with core.opened(GST, description) as pipeline:
        delivery = first(pipeline)
    assert (delivery.data.shape, delivery.data.dtype) == (shape, np.uint8)
    assert delivery.data.min() > 200
    assert (delivery.t_ns, delivery.duration_ns) == (0, 100_000_000)


def test_a_buffer_without_a_time_stamp_says_so() -> None:
    description = "fakesrc num-buffers=1 sizetype=fixed sizemax=4 ! audio/x-raw ! appsink name=out"
    with core.opened(GST, description) as pipeline:
        delivery = first(pipeline)
    assert delivery.t_ns is None
    assert delivery.data.shape == (4,)


def test_after_the_end_there_is_nothing_to_pull() -> None:
    description = "audiotestsrc num-buffers=1 ! appsink name=out sync=false"
    with core.opened(GST, description) as pipeline:
        first(pipeline)
        sink = pipeline.bin.get_by_name("out")
        assert pipeline.pull(sink, 10_000_000_000) is None
        assert sink.is_eos()


def test_what_an_element_reports_is_raised_once() -> None:
    with core.opened(GST, 'filesrc location="/nowhere/a.mp4" ! appsink name=out') as pipeline:
        with pytest.raises(core.GstError, match=r"/nowhere/a\.mp4|not found|No such file"):
            pipeline.play()
        pipeline.check()


def test_leaving_the_block_stops_the_pipeline_also_after_an_error() -> None:
    kept: list[Any] = []

    def fail() -> None:
        with core.opened(GST, "videotestsrc ! appsink name=out max-buffers=1") as pipeline:
            kept.append(pipeline)
            first(pipeline)
            raise RuntimeError("odd")

    with pytest.raises(RuntimeError, match="odd"):
        fail()
    assert not kept[0].is_working()
