"""A policy that decides which encoders are worth running, before they run."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge.vocabulary import Modality
from engines.models.gates.base import MASKED, Evidence, Fusion, Gate, Sizes, told

HIDDEN = 32
TEMPERATURE = 1.0
WILLING = 1.0  # logit of keeping everything at the start
CHEAPEST = (Modality.AUDIO, Modality.FLOW)  # least work a second first, see engines/models


class SparsePolicy(Gate):
    """``keep[m] = policy(cues, h[cheap])`` in {0, 1}; ``p = sum_m w[m] p[m]`` over the kept.

    AdaMML: Panda, Chen, Fan, Sun, Saenko, Oliva, Feris 2021, "AdaMML: adaptive multi-modal learning
    for efficient video recognition", ICCV. Decisions are drawn with the straight-through Gumbel-
    softmax while training and are the likelier choice afterwards; w are learned and fixed as in the
    paper's late fusion. Its policy looks at small copies of all inputs; here it looks at what costs
    nothing (cues and presence of all) and at the cheapest modality, whose encoder runs in any case
    and is always kept. ``used`` carries the decisions and their gradient: the training adds a price
    for every call. Something is always kept.
    """

    def __init__(self, sizes: Sizes, use_quality: bool) -> None:
        super().__init__()
        self._use_quality = use_quality
        self._cheap = next((sizes.index(m) for m in CHEAPEST if m in sizes.modalities), None)
        inputs = sizes.count * (1 + (sizes.cues if use_quality else 0))
        inputs += 0 if self._cheap is None else sizes.dim
        self.hidden = nn.Linear(inputs, HIDDEN)
        self.keep = nn.Linear(HIDDEN, sizes.count)
        nn.init.zeros_(self.keep.weight)
        nn.init.constant_(self.keep.bias, WILLING)
        self.trust = nn.Parameter(torch.zeros(sizes.count))

    def fuse(self, seen: Evidence) -> Fusion:
        """See Gate."""
        used = self._decide(self._policy(seen), seen.there)
        trust = torch.softmax(self.trust, dim=0) * used
        weights = trust / trust.sum(dim=1, keepdim=True).clamp(min=1e-6)
        mixed = (weights[:, :, None] * torch.softmax(seen.logits, dim=2)).sum(dim=1)
        return Fusion(torch.log(mixed.clamp(min=1e-9)), weights, used)

    def _policy(self, seen: Evidence) -> Tensor:
        """(B, M) log-odds of keeping each modality, from what is there before the encoders run"""
        values = told(seen, self._use_quality)
        if self._cheap is not None:
            values = torch.cat([values, seen.features[:, self._cheap]], dim=1)
        odds: Tensor = self.keep(torch.relu(self.hidden(values)))
        return odds

    def _decide(self, odds: Tensor, there: Tensor) -> Tensor:
        """(B, M) 1 kept, 0 skipped; in training its gradient is that of the soft choice."""
        if self.training:
            soft = torch.sigmoid((odds + logistic_noise(odds)) / TEMPERATURE)
            kept = (soft > 0.5).to(odds.dtype) + (soft - soft.detach())
        else:
            kept = (odds > 0).to(odds.dtype)
        always = self._always(odds.detach(), there)
        return torch.where(always > 0, always, kept) * there

    def _always(self, odds: Tensor, there: Tensor) -> Tensor:
        """(B, M) 1 where skipping is not allowed: the cheap one, or without it the likeliest."""
        likeliest = (odds * there + MASKED * (1 - there)).argmax(dim=1)
        always = nn.functional.one_hot(likeliest, odds.shape[1]).to(odds.dtype)
        if self._cheap is not None:
            heard = there[:, self._cheap, None]
            cheap = torch.zeros_like(odds)
            cheap[:, self._cheap] = 1
            always = heard * cheap + (1 - heard) * always
        return always


def logistic_noise(like: Tensor) -> Tensor:
    """The difference of two Gumbel variables: the Gumbel-softmax over two choices needs no more."""
    uniform = torch.rand_like(like).clamp(1e-6, 1 - 1e-6)
    return torch.log(uniform) - torch.log1p(-uniform)
