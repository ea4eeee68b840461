from __future__ import annotations

import numpy as np
import pytest

from edge.fusion.parameters import HEADS
from edge.values import FEATURE_DIM, PATCH_SAMPLES
from edge.vocabulary import MODALITIES, SOUNDS, Modality
from engines.training.audioset import (
    BY_HEAD,
    CHANNELS_PER_HEAD,
    EVIDENCE,
    SCALE,
    SHIFT,
    channel_of,
    known_channels,
)

AUDIO = MODALITIES.index(Modality.AUDIO)


def test_every_class_has_a_channel_and_an_output_of_its_own() -> None:
    outputs = [row for classes in BY_HEAD for row in classes.values()]
    assert len(set(outputs)) == len(outputs) == len(channel_of()) == known_channels().sum()
    assert set(outputs) <= set(range(521))
    assert len(BY_HEAD) == HEADS
    assert all(len(classes) < CHANNELS_PER_HEAD for classes in BY_HEAD)  # some are left to learn


def test_every_sound_has_evidence_and_all_of_it_is_known() -> None:
    assert set(EVIDENCE) == set(SOUNDS)
    assert all(name in channel_of() for classes in EVIDENCE.values() for name in classes)


def test_class_names_are_those_of_the_published_map() -> None:
    import csv

    from engines.models.pretrained import weights_dir

    path = weights_dir() / "yamnet_class_map.csv"
    if not path.exists():
        pytest.skip(f"{path} is not at hand")
    with path.open(encoding="utf-8") as file:
        names = [row["display_name"] for row in csv.DictReader(file)]
    for classes in BY_HEAD:
        assert [names[row] for row in classes.values()] == list(classes)


def test_known_channels_carry_yamnets_own_logits() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra: train")
    from edge.errors import MissingFileError
    from engines.models.encoder import build_encoder
    from engines.models.pretrained import yamnet_state
    from engines.training.audioset import project_audioset

    try:
        encoder, state = build_encoder(Modality.AUDIO).eval(), yamnet_state()
    except MissingFileError as error:
        pytest.skip(str(error))
    project_audioset(encoder, state)
    rng = np.random.default_rng(0)
    wave = torch.from_numpy(rng.normal(0, 0.1, (2, PATCH_SAMPLES)).astype(np.float32))
    with torch.no_grad():
        logits = encoder.pooled(wave) @ state["fc.weight"].T + state["fc.bias"]
        feature = encoder(wave)
    expected = torch.relu(SCALE * (logits + SHIFT))
    for classes in BY_HEAD:
        for name, row in classes.items():
            channel = channel_of()[name]
            assert torch.allclose(feature[:, channel], expected[:, row], atol=1e-3)


def test_an_untrained_sound_head_believes_yamnet() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra: train")
    from engines.models.fusion import FusionNet
    from engines.training.audioset import expect_evidence

    torch.manual_seed(0)
    head = FusionNet()
    expect_evidence(head)
    for sound, classes in EVIDENCE.items():
        told = torch.zeros(FEATURE_DIM)
        told[[channel_of()[name] for name in classes]] = SCALE * (SHIFT + 2)  # a clear yes
        heard = torch.sigmoid(head.sound_weight @ told + head.sound_bias)
        assert heard[SOUNDS.index(sound)] > 0.7
    silence = torch.sigmoid(head.sound_bias)
    assert (silence < 0.1).all()
