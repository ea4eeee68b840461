"""A plan is executable code: what is not certainly ours, whole and for this board is refused."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from edge.errors import EX_CONFIG, EX_DAMAGED, MissingPlanError, PlanError
from edge.plans import (
    PlanStore,
    Recipe,
    Sidecar,
    Target,
    Wanted,
    plan_directory,
    sidecar_from_json,
)

ORIN = Target("tensorrt", "10.3.0", "Orin", "8.7", 16)
WANTED = Wanted("ab" * 32, Recipe(), ORIN)
PLAN = b"machine code"


def put(directory: Path, wanted: Wanted = WANTED, plan: bytes = PLAN) -> Path:
    """Write a plan with its sidecar; returns the sidecar."""
    directory.chmod(0o755)
    path = directory / f"rgb-{wanted.key}.json"
    sidecar = Sidecar("rgb", wanted, sha256(plan).hexdigest(), len(plan), "2026-01-01", 1.0)
    for file, content in ((path, sidecar.to_json().encode()), (path.with_suffix(".plan"), plan)):
        file.write_bytes(content)
        file.chmod(0o644)
    return path


def test_a_plan_that_is_ours_whole_and_for_this_board_is_returned(tmp_path: Path) -> None:
    put(tmp_path)
    assert PlanStore(tmp_path).load(WANTED) == PLAN


@pytest.mark.parametrize(
    "other",
    [
        replace(WANTED, model_sha256="cd" * 32),
        replace(WANTED, recipe=Recipe(best_batch=2)),
        replace(WANTED, recipe=Recipe(form=2)),
        replace(WANTED, target=replace(ORIN, version="10.7.0")),
        replace(WANTED, target=replace(ORIN, board="NVIDIA Thor")),
        replace(WANTED, target=replace(ORIN, capability="11.0")),
        replace(WANTED, target=replace(ORIN, multiprocessors=8)),
        replace(WANTED, target=replace(ORIN, library="tensorrt_rtx")),
    ],
)
def test_any_other_model_recipe_version_or_board_wants_another_plan(
    tmp_path: Path, other: Wanted
) -> None:
    put(tmp_path)
    assert other.key != WANTED.key
    with pytest.raises(MissingPlanError, match="python -m engines build") as caught:
        PlanStore(tmp_path).load(other)
    assert caught.value.exit_code == EX_CONFIG


def test_a_plan_of_another_version_is_named_when_none_fits(tmp_path: Path) -> None:
    put(tmp_path)
    newer = replace(WANTED, target=replace(ORIN, version="10.7.0"))
    with pytest.raises(MissingPlanError, match=r"10\.7\.0.*one is there for tensorrt 10\.3\.0"):
        PlanStore(tmp_path).load(newer)


def test_a_plan_renamed_to_fit_is_refused(tmp_path: Path) -> None:
    newer = replace(WANTED, target=replace(ORIN, version="10.7.0"))
    path = put(tmp_path)
    for suffix in (".json", ".plan"):
        path.with_suffix(suffix).rename(tmp_path / f"rgb-{newer.key}{suffix}")
    with pytest.raises(PlanError, match=r"for tensorrt 10\.3\.0.*renamed") as caught:
        PlanStore(tmp_path).load(newer)
    assert caught.value.exit_code == EX_DAMAGED


def test_one_changed_byte_is_refused(tmp_path: Path) -> None:
    put(tmp_path).with_suffix(".plan").write_bytes(b"machine c0de")
    with pytest.raises(PlanError, match=r"damaged.*engines build"):
        PlanStore(tmp_path).load(WANTED)


def test_a_missing_plan_file_is_refused(tmp_path: Path) -> None:
    put(tmp_path).with_suffix(".plan").unlink()
    with pytest.raises(PlanError, match=r"\.plan: No such file"):
        PlanStore(tmp_path).load(WANTED)


def test_a_plan_without_a_sidecar_is_no_plan(tmp_path: Path) -> None:
    put(tmp_path).unlink()
    with pytest.raises(MissingPlanError):
        PlanStore(tmp_path).load(WANTED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"format": 2}',
        '{"format": 1}',
        '{"format": 1, "wanted": 3}',
        Sidecar("rgb", WANTED, "", 1, "", 0.0).to_json().replace('_bytes": 1', '_bytes": Infinity'),
        "\xff",
        "[" * 99_999,
    ],
)
def test_a_bad_sidecar_is_one_clear_line(tmp_path: Path, text: str) -> None:
    put(tmp_path).write_text(text, encoding="latin-1")
    with pytest.raises(PlanError, match="not a plan's sidecar") as caught:
        PlanStore(tmp_path).load(WANTED)
    assert "\n" not in str(caught.value)


def test_a_sidecar_whose_key_was_edited_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path)
    path.write_text(path.read_text().replace("10.3.0", "10.7.0"))
    with pytest.raises(PlanError, match="key is not that of its content"):
        PlanStore(tmp_path).load(WANTED)


@pytest.mark.parametrize("mode", [0o664, 0o646])
@pytest.mark.parametrize("suffix", [".json", ".plan"])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, suffix: str, mode: int) -> None:
    put(tmp_path).with_suffix(suffix).chmod(mode)
    with pytest.raises(PlanError, match=rf"\{suffix}: refused, others may write it"):
        PlanStore(tmp_path).load(WANTED)


def test_a_directory_that_others_may_write_is_refused(tmp_path: Path) -> None:
    put(tmp_path)
    tmp_path.chmod(0o777)
    with pytest.raises(PlanError, match="refused, others may write it"):
        PlanStore(tmp_path).load(WANTED)


@pytest.mark.parametrize("suffix", [".json", ".plan"])
def test_a_link_is_not_followed(tmp_path: Path, suffix: str) -> None:
    path = put(tmp_path).with_suffix(suffix)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PlanError, match=rf"\{suffix}: Too many levels of symbolic links"):
        PlanStore(tmp_path).load(WANTED)


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path)
    owner = os.stat(tmp_path).st_uid
    if owner == 0:  # to root nobody else's file is good
        os.chown(tmp_path / f"rgb-{WANTED.key}.plan", 12_345, -1)
    else:  # root's files are good for all, so pretend to be somebody else
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(PlanError, match="refused, it belongs to user"):
        PlanStore(tmp_path).load(WANTED)


def test_a_sidecar_reads_as_it_was_written() -> None:
    sidecar = Sidecar("rgb", WANTED, "00" * 32, 12, "2026-01-01T00:00:00+00:00", 2.5)
    assert sidecar_from_json(sidecar.to_json()) == sidecar


def test_without_a_directory_there_are_no_plans(tmp_path: Path) -> None:
    store = PlanStore(tmp_path / "none")
    assert store.sidecars() == []
    with pytest.raises(MissingPlanError):
        store.load(WANTED)


def test_plans_are_where_the_configuration_says_else_where_this_user_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.plans.SYSTEM_STATE", tmp_path / "state")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert plan_directory(tmp_path / "mine") == tmp_path / "mine"
    assert plan_directory() == tmp_path / "cache" / "gatehouse" / "plans"
    (tmp_path / "state").mkdir()
    assert plan_directory() == tmp_path / "state" / "plans"


def test_a_directory_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "plans").symlink_to("plans")  # a loop: root may read everything else
    for refused in (PlanStore(tmp_path / "plans").sidecars, lambda: load(tmp_path / "plans")):
        with pytest.raises(PlanError, match="Too many levels of symbolic links"):
            refused()


def load(directory: Path) -> bytes:
    return PlanStore(directory).load(WANTED)


def test_a_pipe_in_place_of_a_plan_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = put(tmp_path).with_suffix(".plan")
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(PlanError, match="damaged"):
        load(tmp_path)
