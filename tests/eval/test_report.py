"""The report on all languages: its figures, its pages and its plots."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from eval.__main__ import main
from eval.datasets import Dataset
from eval.pages import notes
from eval.plots import draw_plots, inline
from eval.profiles import Profile, Size
from eval.records import Stopwatch, run_record
from eval.report import average, language_row, languages_result, write_report
from ragqwen.settings import Settings

FIGURES = {
    "documents_code": 1.0,
    "documents_group": 1.0,
    "queries_code": 0.5,
    "queries_group": 1.0,
    "sentences": 2.0,
    "words": 10.0,
    "tokens": 12.0,
    "longest_sentence": 40,
    "lexical_recall@1": 0.5,
    "lexical_recall@10": 0.8,
    "hybrid_recall@1": 0.6,
    "hybrid_recall@10": 0.9,
}
NAMES = ("recall", "scripts", "families", "identification")


def profile(code: str, words: int = 10, **figures: float) -> Profile:
    sizes = {"d1": Size(words, 2 * words), f"only in {code}": Size(500, 500)}
    return Profile(code, 2, 4, {**FIGURES, **figures}, sizes, {})


ENGLISH = profile("eng_Latn")
GERMAN = profile("deu_Latn", 15, **{"hybrid_recall@10": 0.85})
BOSNIAN = profile("bos_Latn")


@pytest.fixture
def result(folder: Path) -> dict[str, Any]:
    dataset = Dataset.load(folder)
    outcomes = {
        "eng_Latn": ENGLISH,
        "deu_Latn": GERMAN,
        "bos_Latn": BOSNIAN,
        "mya_Mymr": profile("mya_Mymr", **{"hybrid_recall@1": 0.0}),
        "tha_Thai": ValueError("odd <text>"),
    }
    return languages_result(
        dataset, outcomes, run_record("languages", dataset, Settings(), Stopwatch())
    )


def row(found: Profile, english: Profile | None = ENGLISH) -> dict[str, Any]:
    return language_row(found, english, frozenset({"bos_Latn"}))


def test_a_row_compares_with_english() -> None:
    found = row(GERMAN)
    assert (found["name"], found["script"], found["sure"]) == ("German", "Latn", True)
    assert found["hybrid_recall@10_points"] == -5.0
    assert found["lexical_recall@1_points"] == 0.0
    assert (found["words_to_english"], found["tokens_to_english"]) == (1.5, 1.5)


def test_a_row_without_english_has_nothing_to_compare_with() -> None:
    found = row(GERMAN, None)
    assert found["words_to_english"] is None
    assert found["hybrid_recall@10_points"] is None


def test_documents_of_one_language_alone_are_not_compared() -> None:
    other = Profile("deu_Latn", 1, 1, FIGURES, {"d9": Size(7, 9)}, {})
    assert row(other)["words_to_english"] is None


def test_averages_are_over_the_languages_that_have_the_figure() -> None:
    found = average([row(GERMAN), row(BOSNIAN, None)])
    assert found["languages"] == 2
    assert found["hybrid_recall@10"] == pytest.approx(0.875)
    assert found["hybrid_recall@10_points"] == -5.0
    assert "sure" not in found


def test_english_is_not_averaged_against_itself() -> None:
    found = average([row(ENGLISH), row(GERMAN)])
    assert found["words_to_english"] == 1.5
    assert found["hybrid_recall@10_points"] == -5.0
    assert found["hybrid_recall@10"] == pytest.approx(0.875)


def test_notes_name_unsure_languages_and_groups() -> None:
    unsure, group = notes([row(ENGLISH), row(BOSNIAN)])
    assert unsure == "* text less sure: Bosnian (bos_Latn)"
    assert group.startswith("group hbs: bos_Latn;")


def test_a_report_has_json_two_pages_and_plots(result: dict[str, Any], tmp_path: Path) -> None:
    write_report(tmp_path / "report", result)
    names = {path.name for path in (tmp_path / "report").iterdir()}
    pages = {"languages.json", "languages.md", "languages.html"}
    assert names == pages | {f"{name}.svg" for name in NAMES}
    assert json.loads((tmp_path / "report" / "languages.json").read_text("utf-8")) == result


def test_the_markdown_shows_every_plot_and_language(result: dict[str, Any], tmp_path: Path) -> None:
    write_report(tmp_path, result)
    page = (tmp_path / "languages.md").read_text("utf-8")
    assert [f"{name}.svg" for name in NAMES] == re.findall(r"\]\((.*?)\)", page)
    assert "| **English eng_Latn** |" in page
    assert "| German deu_Latn |" in page
    assert "**tha_Thai failed:** ValueError: odd" in page
    widths = {line.count("|") for line in page.splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_the_html_needs_no_other_file(result: dict[str, Any], tmp_path: Path) -> None:
    write_report(tmp_path, result)
    page = (tmp_path / "languages.html").read_text("utf-8")
    seen = Page(page)
    assert seen.tags.count("svg") == len(NAMES)
    assert not {"img", "link", "script", "iframe"} & set(seen.tags)
    assert all(target.startswith("#") for target in seen.targets)
    assert {target[1:] for target in seen.targets} <= set(seen.ids)
    assert len(seen.ids) == len(set(seen.ids))
    assert "odd &lt;text&gt;" in page


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("href", "xlink:href", "src"):
                self.targets.append(value or "")
            self.targets += re.findall(r"url\((.*?)\)", value or "")


def test_plots_are_the_same_for_the_same_figures(result: dict[str, Any]) -> None:
    plots = draw_plots(result["languages"])
    assert tuple(plots) == NAMES
    assert plots == draw_plots(result["languages"])
    for svg in plots.values():
        assert "<dc:date>" not in svg
        ElementTree.fromstring(svg)


def test_a_plot_names_each_language_once(result: dict[str, Any]) -> None:
    for name in ("recall", "identification"):
        svg = draw_plots(result["languages"])[name]
        for found in result["languages"]:
            assert svg.count(f">{found['name']} · {found['language']}</text>") == 1


def test_plots_do_without_english() -> None:
    plots = draw_plots([row(GERMAN, None)])
    assert "English" not in plots["recall"]


def test_an_inlined_plot_has_ids_of_its_own() -> None:
    svg = '<?xml?><svg id="a"><use xlink:href="#b" clip-path="url(#c)"/></svg>'
    assert inline("x", svg) == (
        '<svg id="x-a"><use xlink:href="#x-b" clip-path="url(#x-c)"/></svg>'
    )


def test_the_command_writes_a_report(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    arguments = ["languages", str(folder), "--out", str(out), "--workers", "1"]
    said = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert said.stdout.startswith("2 languages: ")
    found = json.loads((out / "languages.json").read_text("utf-8"))
    assert [row["language"] for row in found["languages"]] == ["eng_Latn", "deu_Latn"]
    assert found["run"]["kind"] == "languages"
    assert found["languages"][1]["words_to_english"] == pytest.approx(1.0, abs=0.2)


def test_the_command_keeps_what_did_not_fail(folder: Path, tmp_path: Path) -> None:
    with (folder / "corpus.deu_Latn.jsonl").open("a") as corpus:
        corpus.write('{"_id": "d4", "text": " "}\n')
    arguments = ["languages", str(folder), "--out", str(tmp_path / "r"), "--workers", "1"]
    said = CliRunner().invoke(main, arguments)
    assert "1 of 2 languages failed (deu_Latn" in str(said.exception)
    assert "1 of 2 languages failed" not in said.stdout
    found = json.loads((tmp_path / "r" / "languages.json").read_text("utf-8"))
    assert [row["language"] for row in found["languages"]] == ["eng_Latn"]
    assert list(found["failed"]) == ["deu_Latn"]


def test_matplotlib_is_loaded_for_plots_alone() -> None:
    code = "import sys, eval.__main__, eval.report; sys.exit('matplotlib' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
