"""What a reader must know of the pretext questions: what chance is, and which traps were shut."""

from __future__ import annotations

from edge.models import ModelManifest


def seen(dataset: str, manifest: ModelManifest) -> str:
    """What the encoders had learned from."""
    if dataset not in manifest.trained_on:
        return f"the encoders of {manifest.name} had learned from none of {dataset}"
    return (
        f"the encoders of {manifest.name} had learned, with labels, from training clips of "
        f"{dataset}, never from a test person or source video: features of training clips are "
        "better than those of test clips, and no task is without labels all the way down"
    )


ARROW = (
    "chance 50 %",
    "played backwards at the source, so crop, flow and sound patches are computed in the "
    "backward world; both directions show the middle 2 s of the same clip with the same steps",
    "windows are given as the means of their thirds, side by side: a plain average over time "
    "would lose the order",
    "still scenes (empty, stand, sit, lie, on_floor) hold little that tells the direction",
)
ARROW_FILMS = (
    *ARROW[:3],
    "compressed film: what the codec does between key frames runs backwards, too, and may help",
    "depth is not there",
)
ORDER = (
    "chance 1 in 6",
    "on features, not on pictures: what is known is where a third ends and another goes on; sound "
    "patches overlap by half, so neighbours among them resemble each other",
)
TURN = (
    "chance 25 %",
    "pictures of the window in the middle, every third frame, turned as the encoder sees them; "
    "motion vectors turn with their picture",
    "bars of a letterbox would give the angle away: all four sides are blanked alike; height above "
    "the floor, measured upright, would as well and is withheld: the depth encoder misses it",
    "sound is the same at every angle: it can know nothing, and a gate should learn to ignore it",
)
BELONGING = (
    "chance 50 %",
    "every window of the second modality occurs once in either class, so one modality alone "
    "can know nothing: its row checks the construction",
    "an average of what each modality says alone cannot answer this, nor can a linear classifier "
    "of both side by side, nor a gate whose weights leave the experts' scores as they are at "
    "chance: a fusion must compare features",
)
OTHER_CLIP = (
    "the other one is of another person's clip, at the same time since its start",
    "pictures, motion and depth share one crop: part of what belongs together is where it looks; "
    "sounds were written from the same script as the motion",
)
OTHER_TIME = (
    "the other one is of the same clip 1.5 s earlier or later; windows overlap by 0.5 s, and "
    "in still scenes nothing tells them apart",
)
PROBE = (
    "the table's singles and gates learn from a tenth of the labels on frozen features; rows "
    "called probe are a linear classifier on frozen features, on an untrained trunk, and on the "
    "same trunk after the three pretexts (direction, turns, belonging together) on all training "
    "clips without labels; five seeds vary trunk and labels, the table averages their scores",
)
