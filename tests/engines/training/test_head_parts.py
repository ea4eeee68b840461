from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra: train")

from engines.models.gates import Evidence, Fusion  # noqa: E402
from engines.training.head_data import Disturbance, disturbed, drop_modalities  # noqa: E402
from engines.training.head_experts import Judged, fold_of_groups, temperatures_of  # noqa: E402
from engines.training.head_losses import expert_nll, fused_nll, price_of, trust_nll  # noqa: E402

COVERAGE = 2


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(items: int = 200) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    valid = torch.rand(items, 3, 8, generator=generator()) < 0.8
    normal = torch.ones(items, 3, 8, 5) * valid[..., None]
    return normal, valid, torch.ones(items, 3, 3)


def test_modalities_are_lost_at_random_but_never_all() -> None:
    there = torch.rand(500, 4, generator=generator()) < 0.7
    kept = drop_modalities(there, 0.5, generator(1))
    assert torch.equal(kept.any(dim=1), there.any(dim=1))
    assert not (kept & ~there).any()
    assert 0.5 < kept.sum() / there.sum() < 0.7


def test_steps_are_lost_and_the_coverage_cue_follows() -> None:
    how = Disturbance(drop=0, lose_step=0.5, noise=0)
    normal, valid, quality = batch()
    after, kept, cues = disturbed((normal, valid, quality), how, generator())
    assert torch.equal(kept.any(dim=2), valid.any(dim=2))
    expected = kept.sum(dim=2) / valid.sum(dim=2).clamp(min=1)
    assert torch.allclose(cues[..., COVERAGE], expected)
    assert (quality == 1).all()
    assert (after[~kept] == 0).all()
    assert kept.sum() < 0.65 * valid.sum()


def test_nothing_is_disturbed_when_nothing_is_asked_for() -> None:
    normal, valid, quality = batch()
    same = disturbed((normal, valid, quality), Disturbance(0, 0, 0, 0), generator())
    for one, other in zip(same, (normal, valid, quality), strict=True):
        assert torch.equal(one, other)


def test_spoilt_modalities_drown_in_noise_and_others_do_not() -> None:
    how = Disturbance(drop=0, lose_step=0, noise=0.01, spoil=0.3, spoil_noise=10)
    normal, valid, quality = batch()
    after, _, _ = disturbed((normal, valid, quality), how, generator())
    change = (after - normal).abs().amax(dim=(2, 3))[valid.any(dim=2)]
    assert 0.2 < (change > 1).float().mean() < 0.4
    assert ((change > 1) | (change < 0.1)).all()


def test_folds_keep_groups_whole_and_alike_in_size() -> None:
    rng = np.random.default_rng(0)
    groups = tuple(f"g{i}" for i in rng.integers(20, size=400))
    folds = fold_of_groups(groups, 4, seed=0)
    for group in set(groups):
        assert len({f for f, g in zip(folds, groups, strict=True) if g == group}) == 1
    sizes = np.bincount(folds, minlength=4)
    assert sizes.min() > 0.7 * sizes.max()
    assert not np.array_equal(folds, fold_of_groups(groups, 4, seed=1))


def test_an_expert_that_is_too_sure_is_cooled_and_a_shy_one_warmed() -> None:
    random = generator()
    honest = 2 * torch.randn(2000, 1, 4, generator=random).expand(-1, 3, -1)
    labels = torch.multinomial(torch.softmax(honest[:, 0], dim=1), 1, generator=random)[:, 0]
    logits = honest * torch.tensor([1.0, 3.0, 0.5])[:, None]
    evidence = Evidence(
        torch.zeros(2000, 3, 1), logits, torch.ones(2000, 3), torch.zeros(2000, 3, 0)
    )
    judged = Judged(evidence, labels, np.full(2000, 1 / 2000), torch.ones(2000, dtype=torch.bool))
    assert torch.allclose(temperatures_of(judged), torch.tensor([1.0, 3.0, 0.5]), rtol=0.2)
    cooled = judged.cooled(torch.tensor([1.0, 3.0, 0.5])).evidence.logits
    assert torch.allclose(cooled, honest, atol=1e-5)


def test_losses_are_the_negative_log_of_the_truth() -> None:
    p = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    labels = torch.tensor([0, 2])
    expected = -(np.log(0.5) + np.log(0.8)) / 2
    assert fused_nll(Fusion(p.log()), labels, 0.0).item() == pytest.approx(expected)
    smooth = fused_nll(Fusion(p.log()), labels, 0.3).item()
    assert smooth == pytest.approx(0.7 * expected - 0.3 * p.log().mean().item())
    there = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    evidence = Evidence(
        torch.zeros(2, 2, 1),
        torch.stack([p.log(), torch.full_like(p, 7.0)], dim=1),
        there,
        torch.zeros(2, 2, 0),
    )
    assert expert_nll(evidence, labels, 0.0).item() == pytest.approx(expected)


def test_only_a_policy_pays_for_its_calls() -> None:
    used = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert price_of(Fusion(torch.zeros(2, 3), used, used), 0.1).item() == pytest.approx(0.15)
    assert price_of(Fusion(torch.zeros(2, 3), used), 0.1).item() == 0


def test_weights_are_told_which_expert_was_right_and_nothing_is_asked_of_who_is_absent() -> None:
    logits = torch.tensor([[[4.0, 0.0], [0.0, 4.0], [0.0, 9.0]]])
    there = torch.tensor([[1.0, 1.0, 0.0]])
    evidence = Evidence(torch.zeros(1, 3, 5), logits, there, torch.ones(1, 3, 3))
    labels = torch.tensor([0])

    def told(*weights: float) -> float:
        return float(
            trust_nll(Fusion(torch.zeros(1, 2), torch.tensor([weights])), evidence, labels)
        )

    right = torch.softmax(logits[0, :2], dim=1)[:, 0]
    best = (right / right.sum()).tolist()
    assert told(*best, 0.0) < told(0.9, 0.1, 0.0) < told(0.5, 0.5, 0.0) < told(0.1, 0.9, 0.0)
    assert told(*best, 0.0) == pytest.approx(-sum(b * np.log(b) for b in best), rel=1e-4)
    no_weights = Fusion(torch.zeros(1, 2), None)
    assert trust_nll(no_weights, evidence, labels) == 0
