"""The README: the commands' help is current, and what it names is there.

RAGQWEN_UPDATE_README=1 writes the help instead of comparing it.
"""

import os
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from api.cli import main
from ragqwen.settings import Settings

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- help:begin -->", "<!-- help:end -->"
UPDATE = bool(os.environ.get("RAGQWEN_UPDATE_README"))  # before the tests hide it
MARKDOWN = sorted(path.name for path in ROOT.glob("*.md"))


def help_section() -> str:
    """Return the help of the group and of each command, each in a fenced block."""
    blocks = []
    for name in (None, *sorted(main.commands)):
        arguments = [name, "--help"] if name else ["--help"]
        result = CliRunner().invoke(main, arguments, prog_name="ragqwen", terminal_width=80)
        assert result.exit_code == 0
        blocks.append(f"```\n$ ragqwen {' '.join(arguments)}\n{result.stdout.rstrip()}\n```\n")
    return "\n".join(blocks)


def split(text: str) -> tuple[str, str, str]:
    """Return what comes before, between and after the markers."""
    assert text.count(BEGIN) == text.count(END) == 1
    before, _, rest = text.partition(BEGIN)
    section, _, after = rest.partition(END)
    return before, section, after


def fenced(text: str) -> str:
    """Return what stands in fenced blocks and in code spans."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.DOTALL))
    return "\n".join(blocks + spans)


def test_the_help_of_every_command_is_current() -> None:
    before, section, after = split(README.read_text("utf-8"))
    expected = f"\n\n{help_section()}\n"
    if UPDATE:
        README.write_text(f"{before}{BEGIN}{expected}{END}{after}", "utf-8")
        return
    assert section == expected, "RAGQWEN_UPDATE_README=1 pytest tests/test_readme.py writes it"


@pytest.mark.parametrize("name", MARKDOWN)
def test_every_make_target_named_is_there(name: str) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = re.findall(r"^make ([\w-]+)", fenced((ROOT / name).read_text("utf-8")), re.MULTILINE)
    assert set(named) <= targets


def test_the_readme_names_the_targets_to_start_with() -> None:
    text = fenced(README.read_text("utf-8"))
    assert {"demo", "test"} <= set(re.findall(r"^make ([\w-]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", [*MARKDOWN, "examples/README.md"])
def test_every_relative_link_leads_somewhere(name: str) -> None:
    path = ROOT / name
    links = re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8"))
    local = [link.partition("#")[0] for link in links if "://" not in link and link[0] != "#"]
    assert [link for link in local if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_path_named_is_there(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    spans = re.findall(r"`([^`\s]+)`", text)
    rooms = {path.name for path in ROOT.iterdir() if path.is_dir()}
    paths = [span for span in spans if "/" in span and span.split("/")[0] in rooms]
    paths += re.findall(r"\b((?:ragqwen|ingest|indexes|api|eval)/\w+\.py)\b", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_setting_is_listed_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(RAGQWEN_\w+)` \| (.*?) \|", README.read_text("utf-8"), re.M))
    fields = {f"RAGQWEN_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert set(rows) == set(fields)
    for name, field in fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if default is None else f"`{default}`".replace(str(Path.home()), "~")
        assert rows[name].strip() == shown, name


@pytest.mark.parametrize("name", MARKDOWN)
def test_every_command_shown_exists(name: str) -> None:
    text = fenced((ROOT / name).read_text("utf-8"))
    shown = re.findall(r"^ragqwen ([a-z]+)(.*)", text, re.MULTILINE)
    for command, rest in shown:
        assert command in main.commands
        options = re.findall(r"(?<=\s)(--?[a-z][\w-]*)", rest.partition("#")[0])
        known = {
            option
            for parameter in (*main.commands[command].params, *main.params)
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }
        assert set(options) <= known, command


def test_the_readme_shows_commands() -> None:
    assert "\nragqwen ingest " in fenced(README.read_text("utf-8"))
