from __future__ import annotations

import numpy as np
import pytest

from edge.errors import MissingFileError

torch = pytest.importorskip("torch", reason="needs the extra: train")

from engines.models.movenet import (  # noqa: E402  # needs torch
    CHANNELS,
    MIDDLE_CHANNELS,
    Block,
    MoveNetBackbone,
    Stage,
    load_movenet,
)
from engines.models.pretrained import (  # noqa: E402
    MOVENET_FILE,
    movenet_convolutions,
    weights_dir,
)

MIDDLE, LAST = "t228", "t242"  # the published graph's names of the two maps


def test_stride_two_is_padded_behind_as_tensorflow_does() -> None:
    block = Block(1, Stage(1, 1, 1, 2), first=True)
    for conv in (block.filter, block.narrow):
        torch.nn.init.ones_(conv.weight)
        torch.nn.init.zeros_(conv.bias)
    with torch.no_grad():
        y = block(torch.full((1, 1, 4, 4), 0.1))
    np.testing.assert_allclose(y[0, 0].numpy(), [[0.9, 0.6], [0.6, 0.4]], rtol=1e-5)


def test_only_the_last_blocks_learn() -> None:
    net = MoveNetBackbone()
    learning = {name.split(".")[0] for name, p in net.named_parameters() if p.requires_grad}
    assert learning == {"middle", "last"}
    middle, last = net(torch.zeros(1, 3, 64, 64))
    assert middle.shape == (1, MIDDLE_CHANNELS, 4, 4)
    assert last.shape == (1, CHANNELS, 2, 2)


def test_the_backbone_computes_what_the_published_network_computes() -> None:
    ov = pytest.importorskip("openvino")
    try:
        net = load_movenet(movenet_convolutions()).eval()
    except MissingFileError as error:
        pytest.skip(str(error))
    core = ov.Core()
    graph = core.read_model(weights_dir() / MOVENET_FILE)
    outputs = [out for op in graph.get_ops() for out in op.outputs()]
    ends = {name: out for out in outputs for name in out.get_names()}
    cut = ov.Model([ends[MIDDLE], ends[LAST]], graph.get_parameters())
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    run = core.compile_model(cut, "CPU", exact)
    picture = np.random.default_rng(1).uniform(-1, 1, (1, 3, 192, 192)).astype(np.float32)
    with torch.no_grad():
        found = [part.numpy() for part in net(torch.from_numpy(picture))]
    for ours, theirs in zip(found, run(picture).values(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
