"""python -m engines build, list, gc and verify, with NVIDIA's builder and no GPU."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.encoders.spec import ENCODERS
from edge.errors import EX_DAMAGED, EX_OK, EX_SOME_FAILED, EX_UNAVAILABLE, EX_USAGE, PlanError
from engines.__main__ import main
from engines.plans.build import build_one
from engines.plans.compare import Agreement
from engines.plans.files import entries
from engines.plans.options import Network, Workshop
from engines.plans.site import Site
from engines.plans.verify import verify_all

Text = pytest.CaptureFixture[str]
NAMES = [modality.value for modality in ENCODERS]
GOOD = Agreement(16, True, 0.9999, 1.0, 0.01, 0.0)
BAD = replace(GOOD, worst_cosine=0.5)


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    return tmp_path / "plans"


def engines(command: str, models: Path, plans: Path, *options: str) -> int:
    return main([command, "--models", str(models), "--plans", str(plans), *options])


def build(models: Path, plans: Path, *options: str) -> int:
    return engines("build", models, plans, "--library", "tensorrt_rtx", *options)


def listed(models: Path, plans: Path, capsys: Text) -> list[dict[str, Any]]:
    engines("list", models, plans, "--json")
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def three_rooms(folder: Path) -> Path:
    """A configuration whose plans are others."""
    config = folder / "gatehouse.yaml"
    config.write_text(
        "site: s\ndevice: d\nrooms: [{name: a, source: {type: webcam}}]\nmodels: {plan_rooms: 3}\n"
    )
    return config


def test_build_compiles_what_is_missing_and_nothing_else(
    rtx: Site, small_models: Path, plans: Path, capsys: Text
) -> None:
    assert build(small_models, plans) == EX_OK
    told = capsys.readouterr().err
    assert "SM86 stand-in (no GPU)" in told
    assert "not compared: it cannot run here" in told
    first = {path: path.stat().st_mtime_ns for path in plans.glob("*.plan")}
    assert len(first) == len(NAMES)
    next(iter(first)).unlink()
    assert build(small_models, plans) == EX_OK
    told = capsys.readouterr().err
    assert told.count("is there") == len(NAMES) - 1
    second = {path: path.stat().st_mtime_ns for path in plans.glob("*.plan")}
    assert sum(first[path] == second[path] for path in first) == len(NAMES) - 1


def test_a_new_recipe_adds_plans_and_keeps_the_old(
    rtx: Site, small_models: Path, plans: Path, tmp_path: Path
) -> None:
    config = three_rooms(tmp_path)
    assert build(small_models, plans) == EX_OK
    assert build(small_models, plans, "--config", str(config)) == EX_OK
    assert len(list(plans.glob("*.plan"))) == 2 * len(NAMES)


def test_list_shows_every_plan_and_refuses_a_damaged_one(
    rtx: Site, small_models: Path, plans: Path, capsys: Text
) -> None:
    build(small_models, plans)
    capsys.readouterr()
    found = listed(small_models, plans, capsys)
    assert sorted(plan["sidecar"]["name"] for plan in found) == sorted(NAMES)
    assert {plan["sidecar"]["wanted"]["target"]["library"] for plan in found} == {"tensorrt_rtx"}
    assert engines("list", small_models, plans) == EX_OK
    capsys.readouterr()
    damaged = next(plans.glob("flow-*.plan"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    assert engines("list", small_models, plans) == EX_SOME_FAILED
    assert f"REFUSED {damaged}: the plan is damaged" in capsys.readouterr().out


def test_gc_removes_the_damaged_and_then_build_makes_it_anew(
    rtx: Site, small_models: Path, plans: Path, capsys: Text
) -> None:
    build(small_models, plans)
    damaged = next(plans.glob("flow-*.plan"))
    damaged.write_bytes(b"x")
    assert engines("gc", small_models, plans, "--dry-run") == EX_OK
    assert damaged.exists()
    assert "damaged" in capsys.readouterr().out
    assert engines("gc", small_models, plans) == EX_OK
    assert not damaged.exists()
    assert len(list(plans.glob("*.plan"))) == len(NAMES) - 1
    build(small_models, plans)
    assert damaged.exists()


def test_without_a_gpu_gc_removes_no_sound_plan(
    rtx: Site, small_models: Path, plans: Path, tmp_path: Path
) -> None:
    """It may be this board's, whose GPU does not answer just now."""
    config = three_rooms(tmp_path)
    build(small_models, plans)
    build(small_models, plans, "--config", str(config))
    assert engines("gc", small_models, plans, "--keep", "1") == EX_OK
    assert len(list(plans.glob("*.plan"))) == 2 * len(NAMES)


def test_gc_keeps_at_least_one(small_models: Path, plans: Path, capsys: Text) -> None:
    assert engines("gc", small_models, plans, "--keep", "0") == EX_USAGE
    assert "--keep" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["build", "gc"])
def test_a_store_whose_plans_would_all_be_refused_is_left_alone(
    command: str, rtx: Site, small_models: Path, plans: Path, capsys: Text
) -> None:
    """Group members may write there, as a umask of 002 makes it."""
    build(small_models, plans)
    before = sorted(plans.iterdir())
    plans.chmod(0o775)
    options = ["--library", "tensorrt_rtx", "--force"] if command == "build" else []
    capsys.readouterr()
    assert engines(command, small_models, plans, *options) == EX_DAMAGED
    assert f"others may write it; run: chmod go-w {plans}" in capsys.readouterr().err
    assert sorted(plans.iterdir()) == before


@pytest.mark.parametrize("command", ["build", "gc"])
def test_nobody_tidies_the_store_of_another_user(
    command: str,
    rtx: Site,
    small_models: Path,
    plans: Path,
    capsys: Text,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plans.mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.chown(plans, 12_345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: plans.stat().st_uid + 1)
    options = ["--library", "tensorrt_rtx"] if command == "build" else []
    assert engines(command, small_models, plans, *options) == EX_DAMAGED
    assert "run as that user, or name another directory" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["build", "verify"])
def test_without_a_gpu_it_says_so_and_exits_with_69(
    command: str, small_models: Path, plans: Path, capsys: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert engines(command, small_models, plans) == EX_UNAVAILABLE
    (line,) = capsys.readouterr().err.splitlines()
    assert "tensorrt cannot be loaded" in line
    assert not plans.exists()
    if command == "verify":
        assert "nothing was verified" in line


@pytest.mark.parametrize("command", ["build", "verify", "list", "gc"])
def test_help_shows_examples(command: str, capsys: Text) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"python -m engines {command}" in capsys.readouterr().out.split("For example:")[1]


@pytest.fixture
def board(rtx: Site) -> Site:
    """A site with a GPU, as far as the commands can see."""
    return replace(rtx, device=SimpleNamespace())


def agreeing(agreement: Agreement) -> Any:
    return lambda site, network, plan, vectors: agreement


def first_network(shop: Workshop) -> Network:
    return next(shop.networks())


def test_a_plan_that_disagrees_is_not_kept_and_the_old_one_stays(
    board: Site, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, vectors = first_network(shop), dict.fromkeys(ENCODERS)
    shop.plans.directory.mkdir(parents=True)
    monkeypatch.setattr("engines.plans.build.compared", agreeing(GOOD))
    assert "worst cosine to its model 0.99990" in build_one(shop, board, network, vectors)
    before = shop.plans.load(network.wanted(shop.recipe, board.target))
    monkeypatch.setattr("engines.plans.build.compared", agreeing(BAD))
    with pytest.raises(PlanError, match="does not compute its model"):
        build_one(shop, board, network, vectors, force=True)
    assert shop.plans.load(network.wanted(shop.recipe, board.target)) == before


def test_verify_removes_the_plan_that_is_wrong_and_names_those_that_are_missing(
    board: Site, shop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: Text
) -> None:
    vectors = dict.fromkeys(ENCODERS)
    shop.plans.directory.mkdir(parents=True)
    monkeypatch.setattr("engines.plans.build.compared", agreeing(GOOD))
    networks = list(shop.networks())
    for network in networks[:2]:
        build_one(shop, board, network, vectors)
    monkeypatch.setattr(
        "engines.plans.verify.compared",
        lambda site, network, plan, vectors: BAD if network.name == networks[1].name else GOOD,
    )
    assert verify_all(shop, board, vectors, as_json=True) == EX_SOME_FAILED
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["problem"] is None for line in told] == [True, False, False, False]
    assert told[0]["agreement"]["vectors"] == 16
    assert "does not compute its model" in told[1]["problem"]
    assert "no plan for" in told[2]["problem"]
    assert [e.sidecar.name for e in entries(shop.plans) if e.sidecar] == [networks[0].name]
    assert verify_all(shop, board, vectors, as_json=False) == EX_SOME_FAILED
    assert "agrees on 16 inputs" in capsys.readouterr().out
