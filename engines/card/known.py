"""What a model card says whatever was measured: purpose, bounds, licences of data."""

from __future__ import annotations

from collections.abc import Mapping

INTENDED = (
    "Recognises what people do in one room of an assisted-living home from RGB, optical flow,",
    "depth and sound, and raises alarms for carers beside, never instead of, their own rounds.",
    "It runs on a device in the room; pictures and sound are not meant to leave it.",
)

NOT_FOR = (
    "being the only thing that notices a fall, a fight or a call for help",
    "diagnosis, or any other medical purpose: it is not a medical device",
    "identifying people, or judging emotion, health, carers or their work",
    "streets, crowds, children, vehicles or animals: nothing like that was learned from",
    "evidence of what happened: scores are estimates, and alarms can be false",
)

KNOWN_FAILURES = (
    "Crouching, kneeling and above all lying or sitting down on the floor on purpose may be "
    "mistaken for a fall.",
    "Without depth, as with a plain camera, recorded falls are hard to tell from other movements.",
    "Without depth, somebody who has not moved since the start is looked for in the whole "
    "picture, not in a crop, and is recognised less well.",
    "Voices from a television may sound like a call for help.",
)

LIMITS = (
    "Depth, and falls in any modality, were learned from rendered rooms alone; real pictures at "
    "most from films of fights. Real homes, blankets, pets and crowded rooms were never seen.",
    "Sounds in rendered rooms are composed: written from the same script as the motion.",
    "Rendered people come from one body model; age, disability, clothing, skin and walking aids "
    "are not covered evenly, and no difference between groups of people was measured.",
    "Two-second windows: what unfolds over minutes is seen by the alarm rules alone.",
    "No result here is from a real home, from the camera it is meant for, or from a GPU.",
)

LICENCES: Mapping[str, str] = {
    "rooms": "rendered by this project",
    "surv_fight": "MIT on the set; cut from public videos",
    "noise_of_life": "CC0; files under their own free licences",
    "covid19_cough": "CC0 1.0",
    "kitchen20": "Apache-2.0 on the set; sounds from freesound",
    "debian_game_sounds": "CC0, CC BY(-SA) or GPL-2 by file",
    "urfd": "CC BY-NC-SA 4.0",
    "esc50": "CC BY-NC 3.0",
}
"""As their sources state them. Sets that are not named here state none that is known."""

SHIPPED = ("calibration", "stream", "transfer")
"""Suites that judge the model itself; the others train heads of their own, which never ship."""

REPRODUCE = (
    "python -m engines train --preset full",
    "python -m engines evaluate --suite all",
    "python -m engines card",
)
