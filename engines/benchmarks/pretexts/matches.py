"""Does this sound, depth or motion belong to this picture?

Every window of the second modality occurs once with its own picture and once with another's, so
either modality alone looks the same in both classes: what it can know is chance, by construction.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from edge.values import Mask
from edge.vocabulary import Modality
from engines.benchmarks.items import I64, Items

CLASSES = ("other", "same")


def has_strangers(groups: tuple[str, ...]) -> bool:
    """Whether everyone can have a partner of another group; False for nobody."""
    return bool(groups) and 2 * max(Counter(groups).values()) <= len(groups)


def strangers(groups: tuple[str, ...], seed: int) -> I64:
    """A partner of another group for everyone, each chosen once.

    returns: (N,) a permutation   Raises: ValueError when one group is more than half of all
    """
    if not has_strangers(groups):
        raise ValueError("no partners of other groups: one group is more than half of all")
    owners = np.unique(np.asarray(groups), return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    partner = rng.permutation(len(groups))
    while (wrong := np.flatnonzero(owners[partner] == owners)).size:
        for i in wrong:  # swap with whoever may have mine and whose I may have
            fits = (owners[partner] != owners[i]) & (owners[partner[i]] != owners)
            if fits.any():
                j = int(rng.choice(np.flatnonzero(fits)))
                partner[i], partner[j] = partner[j], partner[i]
            else:
                rng.shuffle(partner)
                break
    return np.asarray(partner, np.int64)


def together(items: Items, first: Modality, second: Modality) -> Mask:
    """(N,) where both modalities are there."""
    there = [items.valid[:, items.modalities.index(m)].any(axis=1) for m in (first, second)]
    return np.asarray(there[0] & there[1])


def matched(items: Items, first: Modality, second: Modality, partner: I64) -> Items:
    """Windows with their own second modality, then with their partner's.

    partner: (N,) a permutation without fixed points; both modalities must be there in all items
    returns: 2 N items of two modalities; the groups are those of the first
    """
    a, b = items.modalities.index(first), items.modalities.index(second)
    n = len(items)
    own = np.concatenate([np.arange(n), np.arange(n)])
    other = np.concatenate([np.arange(n), partner])
    return replace(
        items,
        modalities=(first, second),
        classes=CLASSES,
        features=np.stack([items.features[own, a], items.features[other, b]], axis=1),
        valid=np.stack([items.valid[own, a], items.valid[other, b]], axis=1),
        quality=np.stack([items.quality[own, a], items.quality[other, b]], axis=1),
        labels=np.repeat([CLASSES.index("same"), CLASSES.index("other")], n).astype(np.int64),
        groups=items.groups * 2,
        names=items.names * 2,
        tags=items.tags * 2,
    )
