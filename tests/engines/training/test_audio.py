from __future__ import annotations

import numpy as np
import pytest

from edge.values import AUDIO_STEPS, FEATURE_DIM
from engines.training.audio import positive_weights, project_window


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
