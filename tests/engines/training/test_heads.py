from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.vocabulary import Modality
from engines.benchmarks.items import Items, Prediction

torch = pytest.importorskip("torch", reason="needs the extra: train")

from engines.models.gates import GATES  # noqa: E402
from engines.models.temporal import TEMPORAL  # noqa: E402
from engines.training.head_data import Disturbance, balanced  # noqa: E402
from engines.training.head_settings import ExpertSettings, GateFit, HeadSettings  # noqa: E402
from engines.training.heads import train_experts, train_gate_on, train_heads  # noqa: E402

AXIS = (Modality.RGB, Modality.DEPTH, Modality.AUDIO)
CLASSES = ("a", "b", "c", "d")
DIM, STEPS = 16, 3
QUICK = HeadSettings(
    fit="in_sample",
    disturbance=Disturbance(drop=0.1),
    experts=ExpertSettings("mean", steps=60, batch=64, rate=1e-2),
    gate=GateFit(steps=150, batch=128, rate=1e-2, rounds=1),
)


def make_items(count: int, seed: int, spoilt: bool = True) -> Items:
    """Each modality shows the class, or a class drawn at random where its cue ``level`` is low."""
    rng = np.random.default_rng(seed)
    places = np.random.default_rng(1).standard_normal((len(AXIS), len(CLASSES), DIM))
    labels = rng.integers(len(CLASSES), size=count)
    bad = (rng.random((count, len(AXIS))) < 0.5) & spoilt
    bad[np.arange(count), rng.integers(len(AXIS), size=count)] = False  # one is always right
    shown = np.where(bad, rng.integers(len(CLASSES), size=bad.shape), labels[:, None])
    features = places[np.arange(len(AXIS)), shown][:, :, None]
    features = features + 0.3 * rng.standard_normal((count, len(AXIS), STEPS, DIM))
    quality = rng.random((count, len(AXIS), 3), np.float32)
    quality[:, :, 0] = np.where(bad, 0.1, 0.9)
    quality[:, :, 2] = 1
    return Items(
        AXIS,
        CLASSES,
        features.astype(np.float16),
        np.ones(features.shape[:3], np.bool_),
        quality,
        labels.astype(np.int64),
        tuple(f"group {i % 12}" for i in range(count)),
        tuple(f"item {i}" for i in range(count)),
    )


def accuracy(prediction: Prediction, items: Items) -> float:
    return float((prediction.scores.argmax(axis=1) == items.labels).mean())


@pytest.fixture(scope="module")
def told() -> tuple[object, Items]:
    return train_experts(make_items(1200, 0), QUICK, 0), make_items(600, 1)


@pytest.mark.parametrize(
    "gate", ["moe", "moe_scores", "moe_sureness", "moe_cues", "moe_log", "features", "attention"]
)
def test_gates_leave_a_modality_whose_cue_is_bad_and_beat_the_mean(
    gate: str, told: tuple[object, Items]
) -> None:
    trained, test = told
    mean = accuracy(train_gate_on(trained, "mean", 0).predict(test), test)
    prediction = train_gate_on(trained, gate, 0).predict(test)
    assert accuracy(prediction, test) > mean + 0.08
    bad = test.quality[:, :, 0] < 0.5
    assert prediction.weights[bad].mean() < 0.4 * prediction.weights[~bad].mean()


def test_without_its_cues_the_same_gate_has_nothing_to_go_by(told: tuple[object, Items]) -> None:
    trained, test = told
    blind = replace(trained, settings=replace(QUICK, use_quality=False))
    seeing = train_gate_on(trained, "moe_cues", 0).predict(test)
    unseeing = train_gate_on(blind, "moe_cues", 0).predict(test)
    assert accuracy(seeing, test) > accuracy(unseeing, test) + 0.08


def test_the_mean_ignores_the_cues(told: tuple[object, Items]) -> None:
    trained, test = told
    mean, gate = (train_gate_on(trained, name, 0) for name in ("mean", "moe_cues"))
    other = replace(test, quality=1 - test.quality)
    np.testing.assert_array_equal(mean.predict(test).scores, mean.predict(other).scores)
    assert not np.allclose(gate.predict(test).scores, gate.predict(other).scores)


@pytest.mark.parametrize("gate", GATES)
def test_every_gate_learns_a_clean_task_alone_and_jointly(gate: str) -> None:
    train, test = make_items(300, 2, spoilt=False), make_items(200, 3, spoilt=False)
    for fit in ("in_sample", "joint"):
        quick = replace(QUICK, fit=fit, gate=replace(QUICK.gate, steps=50))
        prediction = train_heads(train, gate, quick, seed=0).predict(test)
        assert accuracy(prediction, test) > 0.9
        np.testing.assert_allclose(prediction.scores.sum(axis=1), 1, atol=1e-4)


def test_the_policy_skips_what_is_useless_and_keeps_what_is_not() -> None:
    def useless_rgb(seed: int) -> Items:
        items = make_items(800, seed, spoilt=False)
        features = items.features.copy()
        shape = features[:, :2].shape
        features[:, 0] = np.random.default_rng(seed).standard_normal(shape[:1] + shape[2:])
        features[:, 2] = 0  # the cheap one, which is always kept, says nothing
        return replace(items, features=features)

    quick = replace(QUICK, gate=replace(QUICK.gate, steps=300, price=0.2))
    weights = train_heads(useless_rgb(4), "sparse", quick, 0).predict(useless_rgb(5)).weights
    used = (weights > 0).mean(axis=0)
    assert used[0] < 0.05
    assert used[1] > 0.95


def test_the_same_seed_gives_the_same_numbers_and_leaves_the_generator_alone() -> None:
    items = make_items(200, 6)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, again, other = (
        train_heads(items, "moe", QUICK, seed=seed).predict(items).scores for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert torch.equal(torch.rand(3), expected)


def test_an_item_with_nothing_gets_zeros_and_an_absent_modality_weight_zero() -> None:
    items = make_items(200, 7)
    heads = train_heads(items, "moe", QUICK, seed=0)
    deaf = items.without(Modality.AUDIO)
    assert (heads.predict(deaf).weights[:, 2] == 0).all()
    nothing = deaf.without(Modality.RGB).without(Modality.DEPTH)
    prediction = heads.predict(nothing)
    assert (prediction.scores == 0).all()
    assert (prediction.experts == 0).all()


def test_what_stands_at_steps_that_are_not_valid_changes_nothing() -> None:
    items = make_items(200, 8)
    valid = items.valid.copy()
    valid[:, :, 0] = False
    dirty = items.features.copy()
    dirty[:, :, 0] = np.nan
    heads = train_heads(replace(items, valid=valid), "moe", QUICK, seed=0)
    clean = heads.predict(replace(items, valid=valid)).scores
    np.testing.assert_array_equal(
        heads.predict(replace(items, valid=valid, features=dirty)).scores, clean
    )
    assert not np.allclose(heads.predict(items).scores, clean)


def test_heads_refuse_items_of_other_axes() -> None:
    items = make_items(60, 9)
    heads = train_heads(items, "mean", QUICK, seed=0)
    with pytest.raises(ValueError, match="train them on such items"):
        heads.predict(replace(items, classes=("a", "b", "c", "e")))


def test_a_gate_fitted_out_of_sample_does_not_trust_an_expert_that_memorised() -> None:
    """RGB is a long random vector: any label can be learned by heart, none can be recognised."""
    rng = np.random.default_rng(0)

    def remembered(count: int) -> Items:
        labels = rng.integers(2, size=count)
        features = rng.standard_normal((count, 2, 1, 256)).astype(np.float16)
        features[:, 1, 0, 0] += np.where(labels == 1, 1.5, -1.5)
        groups = tuple(str(i) for i in range(count))
        there, cues = np.ones((count, 2, 1), np.bool_), np.ones((count, 2, 3), np.float32)
        axes = (Modality.RGB, Modality.DEPTH), ("no", "yes")
        return Items(*axes, features, there, cues, labels.astype(np.int64), groups, groups)

    train, test = remembered(120), remembered(120)
    plain = replace(
        QUICK,
        experts=replace(QUICK.experts, dropout=0.0, decay=0.0),
        gate=replace(QUICK.gate, trust=0.0),
    )
    trust = {
        fit: train_heads(train, "fixed", replace(plain, fit=fit), 0).predict(test).weights[0, 1]
        for fit in ("in_sample", "out_of_sample")
    }
    assert trust["out_of_sample"] > 0.6
    assert trust["out_of_sample"] > trust["in_sample"] + 0.05


def test_the_gate_learns_from_held_items_too_when_they_are_given() -> None:
    train, held = make_items(400, 10, spoilt=False), make_items(600, 11)
    misled = replace(held, quality=np.where(held.quality == 0, 1, 1 - held.quality))
    heads = [train_heads(train, "moe_cues", QUICK, 0, h) for h in (held, misled)]
    right, wrong = (accuracy(h.predict(held), held) for h in heads)
    assert right > wrong + 0.1


def test_progress_is_reported_to_the_end() -> None:
    seen: list[tuple[int, int]] = []
    train_heads(
        make_items(60, 12),
        "mean",
        QUICK,
        0,
        report=lambda done, total, _: seen.append((done, total)),
    )
    assert seen[-1] == (QUICK.experts.steps, QUICK.experts.steps)


@pytest.mark.parametrize("team", [0.0, 2.0])
def test_experts_learn_of_each_other_only_as_a_team(team: float) -> None:
    items = make_items(200, 14)
    other = items.features.copy()
    other[:, 1] = other[::-1, 1]
    alone = replace(QUICK, experts=replace(QUICK.experts, team=team))
    own, beside = (
        train_experts(part, alone, 0).experts.classify.weight[0]
        for part in (items, replace(items, features=other))
    )
    assert torch.allclose(own, beside, atol=1e-4) == (team == 0)


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_every_temporal_stage_learns(temporal: str) -> None:
    train, test = make_items(300, 15, spoilt=False), make_items(200, 16, spoilt=False)
    quick = replace(QUICK, experts=replace(QUICK.experts, temporal=temporal))
    assert accuracy(train_heads(train, "mean", quick, 0).predict(test), test) > 0.9


def test_classes_are_drawn_alike() -> None:
    items = make_items(100, 13).pick(np.array([*range(50)] * 3 + [*range(50, 100)]))
    share = balanced(items)
    totals = [share[items.labels == c].sum() for c in range(len(CLASSES))]
    np.testing.assert_allclose(totals, 1 / len(CLASSES))
