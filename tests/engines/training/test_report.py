from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from engines.training.labels import Label
from engines.training.report import print_report
from engines.training.scoring import ClipScores
from engines.training.sections import all_sections

Pair = tuple[ClipScores, Label]
Clips = Callable[..., Pair]


def test_a_report_shows_every_table_and_what_could_not_be_judged(
    capsys: pytest.CaptureFixture[str], fights: list[Pair]
) -> None:
    failed = [replace(fights[0][0], problem="no such file")]
    sections = all_sections(fights, [])
    print_report("m", sections, ["safe_fall"], failed, to_stderr=False)
    printed = capsys.readouterr().out
    assert "surv_fight: violence (unseen groups)" in printed
    assert "(majority)" in printed
    assert "no such file" in printed
    assert "safe_fall: nothing to compare" in printed


def test_beside_json_on_stdout_the_tables_go_to_stderr(
    capsys: pytest.CaptureFixture[str], fights: list[Pair]
) -> None:
    print_report("m", all_sections(fights, []), [], [], to_stderr=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "surv_fight" in shown.err


def test_an_interval_that_cannot_be_had_is_not_invented(
    capsys: pytest.CaptureFixture[str], fights: list[Pair]
) -> None:
    one_source = [(replace(c, row=replace(c.row, group="v")), label) for c, label in fights]
    print_report("m", all_sections(one_source, []), [], [], to_stderr=False)
    (gate,) = [x for x in capsys.readouterr().out.splitlines() if x.split()[1:2] == ["gate"]]
    assert " - " in gate
    assert "0.750-" not in gate
