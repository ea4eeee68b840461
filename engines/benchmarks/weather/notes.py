"""What a reader must know of the robustness questions."""

from __future__ import annotations

ROOMS = (
    "one window a clip, at its last decision; every trouble lasts from the clip's first seconds to "
    "its end, so the window holds nothing else",
    "experts and gates learned from clips as they are and from copies with one trouble each, "
    "modalities dropped at random on the way",
    "made before preprocessing: crop, optical flow and quality cues follow from the spoiled signal",
)
ABSENT = (
    "no camera: neither RGB nor optical flow, which is computed from it",
    "without depth or without the camera the crop follows what is left, and the other pictures are "
    "cut anew; without RGB, flow or sound alone (switched off) the others stay as they were",
)
SPOILED = (
    "every trouble of the same clips, one after another: the numbers are means over the troubles. "
    "Dark, blurred, frozen and late pictures falsify the optical flow, too",
    "household noise: hair dryer, shaver, water or microwave, recorded, of the testing side, as "
    "loud as the clip's own sound (0 dB); heads learned from made-up noise alone",
    "late: picture or sound 0.5 s behind the others, while the truth is that of now",
)
NO_CUES = "the same items, quality cues set to zero in training and test: what the cues are worth"
SCENE = (
    "the recording of the demo, 40 s; each trouble lasts 4 to 5 s and is as bad as in the table",
)
