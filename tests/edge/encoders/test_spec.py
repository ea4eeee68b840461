from __future__ import annotations

import numpy as np

from edge.encoders.spec import ENCODERS, FUSION_FILE, MANIFEST_FILE
from edge.values import AUDIO_RATE_HZ
from edge.vocabulary import MODALITIES, Modality


def test_there_is_one_specification_for_each_modality() -> None:
    assert tuple(ENCODERS) == MODALITIES
    assert {spec.input_type for spec in ENCODERS.values()} <= {
        np.uint8,
        np.int8,
        np.int32,
        np.float32,
    }


def test_no_two_files_of_a_model_directory_share_a_name() -> None:
    names = [*(spec.file for spec in ENCODERS.values()), FUSION_FILE, MANIFEST_FILE]
    assert len(set(names)) == len(names)


def test_sound_is_one_patch_of_96_analysis_frames() -> None:
    (samples,) = ENCODERS[Modality.AUDIO].input_shape
    frame, hop = AUDIO_RATE_HZ * 25 // 1_000, AUDIO_RATE_HZ * 10 // 1_000
    assert (samples - frame) // hop + 1 == 96
    assert (samples - frame) % hop == 0


def test_pictures_are_square_because_crops_are() -> None:
    for modality in (Modality.RGB, Modality.FLOW, Modality.DEPTH):
        height, width, *_ = ENCODERS[modality].input_shape
        assert height == width
