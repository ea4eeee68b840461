from __future__ import annotations

import pytest

from edge.vocabulary import MODALITIES, Modality

torch = pytest.importorskip("torch", reason="needs the extra: train")

from engines.models.gates import GATES, Evidence, Gate, Sizes  # noqa: E402
from engines.models.gates.policy import SparsePolicy  # noqa: E402

CLASSES, DIM, CUES = 5, 12, 3
AXES = (
    MODALITIES,
    (Modality.FLOW,),
    (Modality.DEPTH, Modality.RGB),
    (Modality.AUDIO, Modality.FLOW, Modality.RGB),
)
every_gate = pytest.mark.parametrize("name", GATES)
some_weights = pytest.mark.parametrize("name", [n for n, spec in GATES.items() if spec.simplex])
speakers = pytest.mark.parametrize("name", [n for n, spec in GATES.items() if spec.opinions])


def gate_of(name: str, modalities: tuple[Modality, ...] = MODALITIES, cues: bool = True) -> Gate:
    """With random parameters, as after training."""
    torch.manual_seed(3)
    gate = GATES[name].build(Sizes(modalities, DIM, CLASSES, CUES), use_quality=cues)
    with torch.no_grad():
        for parameter in gate.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return gate.eval()


def evidence_of(seed: int, count: int = len(MODALITIES), items: int = 64) -> Evidence:
    random = torch.Generator().manual_seed(seed)
    there = (torch.rand(items, count, generator=random) < 0.6).float()
    there[0], there[1] = 0, 1
    return Evidence(
        torch.randn(items, count, DIM, generator=random),
        2 * torch.randn(items, count, CLASSES, generator=random),
        there,
        torch.rand(items, count, CUES, generator=random),
    )


def filled(evidence: Evidence, value: float) -> Evidence:
    """The same with everything absent replaced."""
    absent = evidence.there[:, :, None] == 0
    features, logits, quality = (
        part.masked_fill(absent, value)
        for part in (evidence.features, evidence.logits, evidence.quality)
    )
    return Evidence(features, logits, evidence.there, quality)


@every_gate
@pytest.mark.parametrize("value", [1e6, float("nan"), float("inf")])
def test_what_an_absent_modality_holds_changes_no_bit(name: str, value: float) -> None:
    gate, evidence = gate_of(name), evidence_of(0)
    clean, dirty = gate(filled(evidence, 0.0)), gate(filled(evidence, value))
    assert torch.equal(clean.log_probabilities, dirty.log_probabilities)
    for one, other in ((clean.weights, dirty.weights), (clean.used, dirty.used)):
        assert (one is None) == (other is None)
        assert one is None or torch.equal(one, other)


@every_gate
@pytest.mark.parametrize("modalities", AXES, ids=len)
def test_scores_sum_to_one_for_any_modalities(name: str, modalities: tuple[Modality, ...]) -> None:
    evidence = evidence_of(1, len(modalities))
    scores = gate_of(name, modalities)(evidence).log_probabilities.exp().sum(dim=1)
    anything = evidence.there.any(dim=1)
    assert anything.any()
    assert torch.allclose(scores[anything], torch.ones(int(anything.sum())), atol=1e-5)


@every_gate
def test_with_nothing_there_is_no_opinion_and_no_weight(name: str) -> None:
    fusion = gate_of(name)(evidence_of(2))
    assert (fusion.log_probabilities[0].exp() == 0).all()
    assert fusion.weights is None or (fusion.weights[0] == 0).all()


@every_gate
def test_gates_have_weights_exactly_when_the_registry_says_so(name: str) -> None:
    weights = gate_of(name)(evidence_of(3)).weights
    assert (weights is not None) == GATES[name].simplex


@some_weights
def test_weights_lie_on_the_simplex_and_are_zero_where_absent(name: str) -> None:
    evidence = evidence_of(4)
    weights = gate_of(name)(evidence).weights
    anything = evidence.there.any(dim=1)
    assert (weights >= 0).all()
    assert (weights[evidence.there == 0] == 0).all()
    assert torch.allclose(weights.sum(dim=1)[anything], torch.ones(int(anything.sum())), atol=1e-5)


@every_gate
def test_items_do_not_see_each_other(name: str) -> None:
    gate, evidence = gate_of(name), evidence_of(5)
    order = torch.randperm(len(evidence.there), generator=torch.Generator().manual_seed(0))
    whole, shuffled = gate(evidence), gate(evidence.pick(order))
    alone = torch.cat([gate(evidence.pick(torch.tensor([i]))).log_probabilities for i in range(9)])
    assert torch.allclose(whole.log_probabilities[order], shuffled.log_probabilities, atol=1e-5)
    assert torch.allclose(whole.log_probabilities[:9], alone, atol=1e-5)


@speakers
@pytest.mark.parametrize("m", range(len(MODALITIES)))
def test_an_expert_that_is_alone_speaks_for_itself(name: str, m: int) -> None:
    evidence = evidence_of(6)
    there = torch.zeros_like(evidence.there)
    there[:, m] = 1
    fusion = gate_of(name)(evidence._replace(there=there))
    own = torch.log_softmax(evidence.logits[:, m], dim=1)
    assert torch.allclose(fusion.log_probabilities, own, atol=1e-4)
    assert torch.allclose(fusion.weights, there)


@every_gate
@pytest.mark.parametrize("cues", [True, False])
def test_gradients_are_finite_when_some_items_have_nothing(name: str, cues: bool) -> None:
    gate, evidence = gate_of(name, cues=cues).train(), filled(evidence_of(7), float("nan"))
    for part in evidence:
        part.requires_grad_(True)
    gate(evidence).log_probabilities[1:].mean().backward()
    for tensor in (*gate.parameters(), evidence.features, evidence.logits, evidence.quality):
        assert tensor.grad is None or torch.isfinite(tensor.grad).all()


@every_gate
def test_without_the_cues_they_change_nothing_and_with_them_they_do(name: str) -> None:
    evidence = evidence_of(8)
    other = evidence._replace(quality=1 - evidence.quality)
    blind, told = gate_of(name, cues=False), gate_of(name)
    assert torch.equal(blind(evidence).log_probabilities, blind(other).log_probabilities)
    same = torch.equal(told(evidence).log_probabilities, told(other).log_probabilities)
    assert same != GATES[name].cues


def test_the_mean_and_the_product_are_what_they_say() -> None:
    evidence = evidence_of(9)._replace(there=torch.ones(64, len(MODALITIES)))
    p = torch.softmax(evidence.logits, dim=2)
    product = p.prod(dim=1) ** (1 / len(MODALITIES))
    got = [gate_of(name)(evidence).log_probabilities.exp() for name in ("mean", "product")]
    assert torch.allclose(got[0], p.mean(dim=1), atol=1e-5)
    assert torch.allclose(got[1], product / product.sum(dim=1, keepdim=True), atol=1e-5)


@pytest.mark.parametrize("name", ["moe", "moe_scores", "moe_sureness", "moe_cues", "fixed"])
def test_mixtures_begin_as_the_mean(name: str) -> None:
    evidence = evidence_of(10)
    fresh = GATES[name].build(Sizes(MODALITIES, DIM, CLASSES, CUES))
    expected = gate_of("mean")(evidence).log_probabilities
    assert torch.allclose(fresh(evidence).log_probabilities, expected, atol=1e-5)


def test_the_gate_that_sees_features_computes_the_runtimes_formula() -> None:
    from engines.models.fusion import FusionNet
    from engines.models.gates.mixture import Mixture

    torch.manual_seed(0)
    net = FusionNet()
    dim, classes, cues = net.expert_weight.shape[2], net.expert_weight.shape[1], CUES
    gate = Mixture(Sizes(MODALITIES, dim, classes, cues), ("features",), use_quality=True)
    with torch.no_grad():
        gate.scorer.hidden.weight.copy_(net.gate_hidden_weight)
        gate.scorer.hidden.bias.copy_(net.gate_hidden_bias)
        gate.scorer.out.weight.copy_(net.gate_weight)
        gate.scorer.out.bias.copy_(net.gate_bias)
    random = torch.Generator().manual_seed(1)
    pooled = torch.randn(20, len(MODALITIES), dim, generator=random)
    quality = torch.rand(20, len(MODALITIES), cues, generator=random)
    there = (torch.rand(20, len(MODALITIES), generator=random) < 0.7).float()
    evidence = Evidence(pooled, net.expert_logits(pooled), there, quality)
    assert torch.allclose(gate(evidence).weights, net.gate(pooled, there, quality), atol=1e-5)


def test_the_mixture_of_logarithms_is_the_runtimes_pool_at_its_limit() -> None:
    from engines.models.fusion import pooled_opinions
    from engines.models.gates.mixture import LogMixture

    gate, evidence = gate_of("moe_log"), evidence_of(14)
    assert isinstance(gate, LogMixture)
    log_weights = gate.log_weights(evidence.masked())
    opinions = torch.log_softmax(evidence.logits, dim=2)
    power, independence = torch.tensor([1e-3]), gate.independence.detach().clamp(0, 1)[None]
    with torch.no_grad():
        gate.independence.copy_(independence[0])
    expected = pooled_opinions(log_weights, opinions, power, independence)
    anything = evidence.there.any(dim=1)
    got = gate(evidence).log_probabilities
    assert torch.allclose(got[anything].exp(), expected[anything].exp(), atol=1e-2)


def test_flow_decides_what_passes_of_rgb_and_of_nothing_else() -> None:
    gate, evidence = gate_of("flow_gated"), evidence_of(11)
    rgb, flow = MODALITIES.index(Modality.RGB), MODALITIES.index(Modality.FLOW)
    still = evidence.features.clone()
    still[:, flow] += 3
    for with_rgb in (0.0, 1.0):
        there = torch.ones_like(evidence.there)
        there[:, rgb] = with_rgb
        before = gate(evidence._replace(there=there)).log_probabilities
        after = gate(evidence._replace(there=there, features=still)).log_probabilities
        assert not torch.allclose(before, after)
    without = (Modality.RGB, Modality.DEPTH)
    assert gate_of("flow_gated", without)(evidence_of(0, 2)).log_probabilities.isfinite().all()


def test_the_policy_decides_before_it_knows_the_features_of_what_it_may_skip() -> None:
    gate, evidence = gate_of("sparse"), evidence_of(12)
    audio = MODALITIES.index(Modality.AUDIO)
    features, logits = torch.randn_like(evidence.features), torch.randn_like(evidence.logits)
    features[:, audio] = evidence.features[:, audio]
    before = gate(evidence).used
    after = gate(evidence._replace(features=features, logits=logits)).used
    assert torch.equal(before, after)
    assert 0 < before.sum() < evidence.there.sum()


def test_the_policy_keeps_something_even_when_it_wants_nothing() -> None:
    gate, evidence = gate_of("sparse"), evidence_of(13)
    assert isinstance(gate, SparsePolicy)
    with torch.no_grad():
        gate.keep.bias.fill_(-100)
    fusion = gate(evidence)
    anything = evidence.there.any(dim=1)
    assert (fusion.used.sum(dim=1)[anything] == 1).all()
    audio = MODALITIES.index(Modality.AUDIO)
    assert torch.equal(fusion.used[:, audio], evidence.there[:, audio])
