from __future__ import annotations

import numpy as np
import pytest

from edge.encoders.spec import ENCODERS, FLOW_SCALE, HEIGHT_UNKNOWN, SMALL_SIZE
from edge.values import AUDIO_RATE_HZ, FEATURE_DIM, PATCH_SAMPLES
from edge.vocabulary import MODALITIES, Modality

torch = pytest.importorskip("torch", reason="needs the extra: train")


def test_the_log_mel_in_the_graph_is_the_one_numpy_computes() -> None:
    from engines.models.logmel import LogMel, mel_bands

    rng = np.random.default_rng(0)
    t = np.arange(PATCH_SAMPLES) / AUDIO_RATE_HZ
    wave = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.05 * rng.normal(size=PATCH_SAMPLES)
    window = np.hanning(401)[:400]
    frames = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float32), 400)[::160]
    expected = np.log(np.abs(np.fft.rfft(frames * window, 512)) @ mel_bands() + 1e-3)
    got = LogMel()(torch.from_numpy(wave.astype(np.float32))[None])
    assert got.shape == (1, 1, 96, 64)
    np.testing.assert_allclose(got[0, 0], expected, atol=1e-4)


def test_no_return_is_told_apart_from_every_distance() -> None:
    from engines.models.encoder import Relief

    raw = torch.full((1, SMALL_SIZE, SMALL_SIZE, 2), 3000, dtype=torch.int32)
    raw[0, :40, :, 0], raw[0, :40, :, 1] = 0, HEIGHT_UNKNOWN
    valid, distance, relief, height, known = Relief()(raw)[0]
    assert (valid[:40] == -1).all()
    assert (valid[40:] == 1).all()
    assert (distance[:40] == 0).all()
    assert torch.allclose(distance[40:], torch.tensor(3000 / 4000 - 1))
    assert relief[40:].abs().max() < 1e-4
    assert (height[:40] == 0).all()
    assert torch.equal(known, valid)


def test_height_spans_the_floor_to_twice_its_unit() -> None:
    from engines.models.encoder import HEIGHT_UNIT_M, Relief

    raw = torch.full((1, SMALL_SIZE, SMALL_SIZE, 2), 3000, dtype=torch.int32)
    heights = [-200, 0, 500, 1000, 2000, 4000]
    for column, mm in enumerate(heights):
        raw[:, :, column, 1] = round(mm * HEIGHT_UNIT_M)
    views = Relief()(raw)
    assert views.shape[1] == Relief.channels
    got = views[0, 3, 0, : len(heights)]
    assert torch.allclose(got, torch.tensor([-1, -1, -0.5, 0, 1, 1]), atol=1e-6)


def test_an_unknown_height_leaves_the_views_of_distance_alone() -> None:
    from engines.models.encoder import Relief

    raw = torch.randint(1, 6000, (2, SMALL_SIZE, SMALL_SIZE, 2), dtype=torch.int32)
    forgot = raw.clone()
    forgot[..., 1] = HEIGHT_UNKNOWN
    one, other = Relief()(raw), Relief()(forgot)
    assert torch.equal(one[:, :3], other[:, :3])
    assert (one[:, 4] == 1).all()
    assert (other[:, 3] == 0).all()
    assert (other[:, 4] == -1).all()


def test_a_crop_without_any_return_gives_finite_numbers() -> None:
    from engines.models.encoder import Relief

    assert torch.isfinite(
        Relief()(torch.zeros((1, SMALL_SIZE, SMALL_SIZE, 2), dtype=torch.int32))
    ).all()


def test_flow_enters_the_network_in_pixels_with_its_speed() -> None:
    from engines.models.encoder import FLOW_UNIT_PIXELS, Motion

    flow = torch.zeros((1, SMALL_SIZE, SMALL_SIZE, 2), dtype=torch.int8)
    flow[..., 0], flow[..., 1] = 3 * FLOW_SCALE, -4 * FLOW_SCALE
    x, y, speed = Motion()(flow)[0, :, 0, 0]
    assert (x, y, speed) == (3 / FLOW_UNIT_PIXELS, -4 / FLOW_UNIT_PIXELS, 5 / FLOW_UNIT_PIXELS)


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_encoder_gives_features_that_are_never_negative(modality: Modality) -> None:
    from edge.errors import MissingFileError
    from engines.models.encoder import build_encoder

    try:
        encoder = build_encoder(modality).eval()
    except MissingFileError as error:
        pytest.skip(str(error))
    spec = ENCODERS[modality]
    rng = np.random.default_rng(1)
    raw = rng.integers(0, 100, (2, *spec.input_shape)).astype(spec.input_type)
    with torch.no_grad():
        feature = encoder(torch.from_numpy(raw))
    assert feature.shape == (2, FEATURE_DIM)
    assert (feature >= 0).all()
