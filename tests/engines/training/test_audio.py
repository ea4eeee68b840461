from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.values import AUDIO_STEPS, FEATURE_DIM
from edge.vocabulary import ACTIONS, SOUNDS
from engines.training.audio import AudioSettings, SoundWindows, positive_weights, project_window
from engines.training.cache import Clip, Target
from engines.training.labels import LabelMap
from engines.training.manifest import Row


def test_rare_sounds_weigh_more_but_never_more_than_fourfold() -> None:
    sounds = np.zeros((100, 3), np.float32)
    sounds[:50, 0] = 1
    sounds[:10, 1] = 1
    sounds[:10, 2] = np.nan  # never heard, sometimes unknown
    weights = positive_weights(sounds, np.full(100, 0.01))
    assert weights.tolist() == pytest.approx([1, 3, 4])


def test_patches_that_are_not_there_do_not_count() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra: train")
    from engines.models.fusion import FusionNet

    torch.manual_seed(0)
    head, project = FusionNet(), torch.nn.Linear(8, FEATURE_DIM)
    patches = torch.zeros(2, AUDIO_STEPS, 8)  # dropout leaves zeros as they are
    patches[1, 0] = 9
    valid = torch.tensor([[0.0, 1, 1, 1], [0.0, 1, 1, 1]])
    told = project_window(project, patches, valid, head)
    assert torch.allclose(told[0], told[1])


def windows_of_coughs(count: int) -> SoundWindows:
    """Every second window is a cough, and one feature says so."""
    label = LabelMap().label("noise_of_life", "Cough")
    row = Row(Path("a.ogg"), "a.ogg", "noise_of_life", "audio", "Cough", "a")
    rng = np.random.default_rng(0)
    pooled = rng.uniform(0, 0.2, (count, AUDIO_STEPS, 1024)).astype(np.float32)
    pooled[::2, :, 3] = 4.0
    targets = []
    for number in range(count):
        sounds = np.zeros(len(SOUNDS), np.float32)
        sounds[SOUNDS.index("cough")] = number % 2 == 0
        targets.append(Target(np.ones(len(ACTIONS), np.bool_), sounds))
    clip = Clip(row, label, Path("a.npz"))
    return SoundWindows(
        pooled, np.ones((count, AUDIO_STEPS), np.float32), tuple(targets), (clip,) * count
    )


def test_training_learns_leaves_known_channels_alone_and_calibrates() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra: train")
    from edge.errors import MissingFileError
    from edge.vocabulary import Modality
    from engines.models.encoder import build_encoder
    from engines.models.pretrained import yamnet_state
    from engines.training.audio import train_audio
    from engines.training.audioset import known_channels, project_audioset

    windows = windows_of_coughs(120)
    try:
        trained = train_audio(windows, AudioSettings(steps=60), lambda *_: None, windows)
    except MissingFileError as error:
        pytest.skip(str(error))
    published = build_encoder(Modality.AUDIO)
    project_audioset(published, yamnet_state())
    known = torch.from_numpy(known_channels())
    own = trained.encoder.project.weight
    assert torch.equal(own[known], published.project.weight[known])
    assert not torch.allclose(own[~known], published.project.weight[~known])
    with torch.no_grad():
        told = project_window(
            trained.encoder.project,
            torch.from_numpy(windows.pooled),
            torch.from_numpy(windows.valid),
            trained.head,
            dropout=0.0,
        )
        logits = told @ trained.head.sound_weight.T + trained.head.sound_bias
    said = (logits[:, SOUNDS.index("cough")] > 0).numpy()
    assert said.tolist() == [number % 2 == 0 for number in range(120)]
    assert trained.facts["steps"] == 60
    assert "cough_slope" in trained.facts
