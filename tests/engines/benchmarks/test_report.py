from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edge.errors import ConfigError, StoreError
from engines.benchmarks.items import Question
from engines.benchmarks.judge import judge
from engines.benchmarks.nearest import METHODS, train_nearest
from engines.benchmarks.report.text import (
    SUMMARY,
    between,
    cells,
    columns,
    decimal,
    difference,
    summary,
    verdict,
)
from engines.benchmarks.results import (
    Difference,
    QuestionResult,
    Results,
    SuiteResult,
    TableResult,
    read_results,
    write_results,
)
from engines.benchmarks.runner import Plan, answer_all

pytest.importorskip("matplotlib", reason="needs matplotlib (the extra train)")


@pytest.fixture
def result(tmp_path: Path, question: Question) -> QuestionResult:
    """A question judged."""
    plan = Plan(tmp_path / "work", METHODS, train_nearest, "code", seeds=2, workers=1)
    answered = answer_all([question], plan, lambda task: lambda items, total: iter(items))
    return judge(answered[0])


def suite_of(result: QuestionResult, name: str = "made", title: str = "Made up") -> SuiteResult:
    return SuiteResult(
        name=name,
        title=title,
        model="none",
        encoders="0",
        trained_on=("rooms",),
        seeds=2,
        questions=(result,),
    )


class Page(HTMLParser):
    """Texts, sources and tags that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.sources: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_report_holds_every_row_and_nothing_that_is_no_number(
    tmp_path: Path, result: QuestionResult
) -> None:
    from engines.benchmarks.report.write import write_report

    out = tmp_path / "out"
    write_report(out, Results(suites=(suite_of(result),)))
    texts = {name: (out / name).read_text() for name in ("results.md", "results.html")}
    page = Page()
    page.feed(texts["results.html"])
    assert page.open == []
    for row in result.methods:
        line = cells(result, row)
        assert any(all(cell in text for cell in line) for text in texts["results.md"].splitlines())
        assert row.title in page.texts
    for text in (*texts.values(), (out / "results.json").read_text()):
        assert not re.search(r"\b(nan|NaN|inf|Infinity|None)\b", text)
    assert json.loads((out / "results.json").read_text())["suites"][0]["seeds"] == 2


def test_the_page_needs_no_other_file_and_the_text_names_figures_that_are_there(
    tmp_path: Path, result: QuestionResult
) -> None:
    from engines.benchmarks.report.write import write_report

    write_report(tmp_path / "out", Results(suites=(suite_of(result),)))
    page = Page()
    page.feed((tmp_path / "out/results.html").read_text())
    assert page.sources
    assert all(source.startswith("#") for source in page.sources)
    named = re.findall(r"\]\((figures/[^)]+)\)", (tmp_path / "out/results.md").read_text())
    assert len(named) == 3
    for name in named:
        assert (tmp_path / "out" / name).read_text().startswith("<svg ")


def test_another_suite_is_added_and_the_same_suite_replaced(
    tmp_path: Path, result: QuestionResult
) -> None:
    write_results(tmp_path, Results(suites=(suite_of(result, "a"), suite_of(result, "b"))))
    earlier = read_results(tmp_path)
    after = earlier.with_suites([suite_of(result, "c"), suite_of(result, "a", "Again")])
    assert [(s.name, s.title) for s in after.suites] == [
        ("a", "Again"),
        ("b", "Made up"),
        ("c", "Made up"),
    ]


def test_the_same_numbers_give_the_same_figures(result: QuestionResult) -> None:
    from engines.benchmarks.report.charts import figures_of

    first, second = figures_of(result), figures_of(result)
    assert [figure.svg for figure in first] == [figure.svg for figure in second]
    assert [figure.name for figure in first] == [
        f"levels-{kind}" for kind in ("methods", "confusion", "weights")
    ]
    assert all(row.title in first[0].svg for row in result.methods)


def test_a_suite_can_draw_lines_over_conditions_and_over_time() -> None:
    from engines.benchmarks.report.figures import Series, line_chart

    curves = [Series("gate", [0.9, 0.8], [0.85, 0.7], [0.95, 0.9]), Series("mean", [0.9, 0.5])]
    drawn = line_chart("r", "Robustness", "", ["clean", "dark"], curves, ("", "accuracy"))
    assert all(word in drawn.svg for word in ("clean", "dark", "gate", "mean", "accuracy"))
    over_time = line_chart("t", "Weights", "", [0.0, 0.5], [Series("rgb", [1, 0])])
    assert "#d1495b" in over_time.svg


def test_the_terminal_shows_every_row(
    result: QuestionResult, capsys: pytest.CaptureFixture[str]
) -> None:
    from engines.benchmarks.report.terminal import print_suite

    print_suite(suite_of(result))
    shown = capsys.readouterr().out
    assert all(row.title in shown for row in result.methods)
    assert "made up" in shown


def test_a_line_has_as_many_cells_as_there_are_columns(result: QuestionResult) -> None:
    for shown in (result, result.model_copy(update={"positive": None, "measure": "macro_f1"})):
        assert all(len(cells(shown, row)) == len(columns(shown)) for row in shown.methods)
    line = summary(suite_of(result), result)
    assert len(line) == len(SUMMARY)
    assert line[SUMMARY.index("gate - mean")].endswith("better")


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [(0.5, False, ".500"), (1.0, False, "1.000"), (-0.0213, True, "-.021"), (0.02, True, "+.020"),
     (-0.0001, True, "+.000"), (None, True, "-")],
)  # fmt: skip
def test_numbers_are_short(value: float | None, signed: bool, text: str) -> None:
    assert decimal(value, signed) == text


def test_an_interval_says_what_may_be_said() -> None:
    def of(low: float | None, high: float | None) -> Difference:
        return Difference(other="rgb", value=0.1, low=low, high=high)

    assert verdict(of(0.01, 0.2)) == "better"
    assert verdict(of(-0.01, 0.2)) == "not to be told apart"
    assert verdict(of(-0.2, -0.01)) == "worse"
    assert verdict(of(None, None)) == "no interval"
    assert verdict(None) == difference(None) == ""
    assert between(None, 0.1) == "-"


def test_numbers_that_are_none_are_refused(result: QuestionResult) -> None:
    row = result.methods[0]
    with pytest.raises(ValueError, match="finite"):
        type(row).model_validate({**row.model_dump(), "mean": float("nan")})


def test_what_is_in_the_way_is_named(tmp_path: Path, result: QuestionResult) -> None:
    from engines.benchmarks.report.write import write_report

    (tmp_path / "results.json").write_text('{"format": 1, "suites": [{}]}')
    with pytest.raises(ConfigError, match="--out"):
        read_results(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        write_report(tmp_path / "file" / "x", Results(suites=(suite_of(result),)))


def test_few_groups_are_pointed_out(tmp_path: Path, question: Question) -> None:
    fold = question.folds[0]
    few = replace(fold, test=fold.test.pick(range(12)))
    plan = Plan(tmp_path, METHODS, train_nearest, "code", seeds=1, workers=1)
    answered = answer_all(
        [replace(question, folds=(few,))], plan, lambda task: lambda items, total: iter(items)
    )
    assert any("3 test groups" in note for note in judge(answered[0]).notes)


def test_figures_are_small_have_a_name_and_turn_dark_with_their_page(
    tmp_path: Path, result: QuestionResult
) -> None:
    from engines.benchmarks.report.charts import figures_of
    from engines.benchmarks.report.write import write_report

    for drawn in figures_of(result):
        assert len(drawn.svg) < 30_000
        assert "<title>" in drawn.svg
        assert "prefers-color-scheme:dark" in drawn.svg
        assert "<metadata" not in drawn.svg
        assert 'style="' in drawn.svg
    write_report(tmp_path, Results(suites=(suite_of(result),)))
    page = (tmp_path / "results.html").read_text()
    assert page.count("<svg ") == 3
    assert page.count("<style>") == 1
    assert page.count("(prefers-color-scheme:dark)") == 1


def test_slim_drawings_keep_their_words() -> None:
    from engines.benchmarks.report.vector import slim

    raw = (
        '<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg width="1pt">\n <metadata>x</metadata>\n'
        ' <g id="a">\n <!-- note -->\n <text style="fill: #2b2f33" x="1.23456">1.000 ± 0.12345'
        "</text>\n </g>\n</svg>"
    )
    made = slim(raw, "A & B")
    assert "1.000 ± 0.12345" in made
    assert 'x="1.23"' in made
    assert 'style="fill:#2b2f33"' in made
    assert "<title>A &amp; B</title>" in made
    assert not any(word in made for word in ("metadata", "note", "<?xml", "<g"))
    assert slim('<svg a="1"><g><g clip="x"><path/></g><g/></g></svg>', "x").count("<g") == 1


def test_tables_and_notes_of_a_suite_without_questions_are_in_every_form(tmp_path: Path) -> None:
    from engines.benchmarks.report.terminal import print_suite
    from engines.benchmarks.report.write import write_report

    own = TableResult(
        title="Own <table>", heads=("alarm", "n"), rows=(("fall", "7"),), notes=("so",)
    )
    suite = SuiteResult(
        name="stream", title="Scenes", model="m", encoders="e", trained_on=(), seeds=5,
        questions=(), tables=(own,), numbers={"hours": 1.5},
    )  # fmt: skip
    write_report(tmp_path, Results(suites=(suite,)))
    assert "| fall | 7 |" in (tmp_path / "results.md").read_text()
    page = (tmp_path / "results.html").read_text()
    assert "Own &lt;table&gt;" in page
    assert "nothing is trained here" in page
    assert read_results(tmp_path).suites[0].numbers == {"hours": 1.5}
    print_suite(suite)
