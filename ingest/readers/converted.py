"""Formats that another program turns into one that is read here: pandoc, LibreOffice.

Neither program gets a time limit or a session of its own. They live in the session of the process
that reads, and `ingest.sandbox` ends all of it when its time is up.
"""

import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ingest.readers.decode import decode_text
from ingest.readers.partitioned import parse_html, read_docx, read_pptx
from ingest.readers.refusals import PARSER_ERRORS, damaged
from ingest.readers.sheets import read_xlsx
from ragqwen.errors import DocumentRefused
from ragqwen.records import ParsedFile

_ORG_TITLE = re.compile(r"^#\+title:[ \t]*(.+?)[ \t]*$", re.I | re.M)
_DC = "{http://purl.org/dc/elements/1.1/}"


def read_epub(path: Path, name: str) -> ParsedFile:
    """Read an electronic book, in the order of its spine."""
    with tempfile.TemporaryDirectory(prefix="ragqwen-") as folder:
        source = Path(folder, "book.epub")
        source.symlink_to(path.resolve())
        page = _pandoc("epub", name, source)
    metadata = _package_metadata(path, name, ending=".opf")
    parsed = parse_html(page, name)
    return ParsedFile(parsed.elements, title=metadata.pop("title", ""), metadata=metadata)


def read_odt(path: Path, name: str) -> ParsedFile:
    """Read an OpenDocument text."""
    with tempfile.TemporaryDirectory(prefix="ragqwen-") as folder:
        source = Path(folder, "text.odt")
        source.symlink_to(path.resolve())
        page = _pandoc("odt", name, source)
    metadata = _package_metadata(path, name, ending="meta.xml")
    parsed = parse_html(page, name)
    return ParsedFile(parsed.elements, title=metadata.pop("title", ""), metadata=metadata)


def read_org(path: Path, name: str) -> ParsedFile:
    """Read an Emacs Org file."""
    text = decode_text(path.read_bytes())
    title = _ORG_TITLE.search(text)
    parsed = parse_html(_pandoc("org", name, text=text), name)
    return ParsedFile(parsed.elements, title=title[1] if title else "")


def read_rst(path: Path, name: str) -> ParsedFile:
    """Read reStructuredText."""
    parsed = parse_html(_pandoc("rst", name, text=decode_text(path.read_bytes())), name)
    first = parsed.elements[0] if parsed.elements else None
    title = first.text if first and first.kind == "heading" and first.level == 1 else ""
    return ParsedFile(parsed.elements, title=title)


def _pandoc(source_format: str, name: str, source: Path | None = None, *, text: str = "") -> str:
    """Turn a document into HTML; in pandoc's sandbox, it reads no other file and no network.

    Markup is made a standalone page, because pandoc takes its title for metadata and leaves it
    out elsewhere. A package has its title in its text, and its metadata is read apart.
    """
    import pypandoc

    # fmt: off
    command = [
        pypandoc.get_pandoc_path(), "--sandbox", "--wrap=none", "--quiet", "--mathml",
        f"--from={source_format}", "--to=html",
        *([] if source else ["--standalone", "--metadata=pagetitle:-"]),
    ]
    # fmt: on
    done = subprocess.run(
        [*command, str(source)] if source else command,
        input=None if source else text.encode("utf-8", "replace"),
        stdin=subprocess.DEVNULL if source else None,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise damaged(name, ValueError(done.stderr.decode("utf-8", "replace").strip()))
    return done.stdout.decode("utf-8", "replace")


def _package_metadata(path: Path, name: str, *, ending: str) -> dict[str, str]:
    """Read title, author and language from a package's Dublin Core."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        with zipfile.ZipFile(path) as archive:
            part = next((part for part in archive.namelist() if part.endswith(ending)), None)
            root = etree.fromstring(archive.read(part), parser) if part else None
    except etree.XMLSyntaxError:  # an extra; pandoc has read the text
        return {}
    except PARSER_ERRORS as exc:
        raise damaged(name, exc) from exc
    if root is None:
        return {}
    tags = {"title": "title", "author": "creator", "language": "language"}
    found = {key: root.findtext(f".//{_DC}{tag}", "").strip() for key, tag in tags.items()}
    return {key: text for key, text in found.items() if text}


def _by_office(
    path: Path,
    name: str,
    *,
    ending: str,
    target: str,
    kind: str,
    reader: Callable[[Path, str], ParsedFile],
) -> ParsedFile:
    """Let LibreOffice turn a file into one of a newer format, and read that."""
    office = shutil.which("soffice")
    if office is None:
        raise DocumentRefused(
            f"{name} is {kind}; install LibreOffice (the command soffice), or save it as .{target}"
        )
    with tempfile.TemporaryDirectory(prefix="ragqwen-office-") as folder:
        source = Path(folder, f"source.{ending}")
        source.symlink_to(path.resolve())
        # fmt: off
        done = subprocess.run(
            [
                office, "--headless", "--norestore", "--nolockcheck", "--nodefault",
                f"-env:UserInstallation={Path(folder, 'profile').as_uri()}",
                "--convert-to", target, "--outdir", str(Path(folder, "out")), str(source),
            ],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )
        # fmt: on
        made = Path(folder, "out", f"source.{target}")
        if not made.is_file():
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            raise damaged(name, ValueError(f"LibreOffice made nothing of it: {said}"))
        return reader(made, name)


read_doc = partial(
    _by_office, ending="doc", target="docx", kind="an old Word file", reader=read_docx
)
read_docm = partial(
    _by_office, ending="docm", target="docx", kind="a Word file with macros", reader=read_docx
)
read_ppt = partial(
    _by_office, ending="ppt", target="pptx", kind="an old PowerPoint file", reader=read_pptx
)
read_odp = partial(
    _by_office, ending="odp", target="pptx", kind="an OpenDocument presentation", reader=read_pptx
)
read_ods = partial(
    _by_office, ending="ods", target="xlsx", kind="an OpenDocument spreadsheet", reader=read_xlsx
)
read_xlsb = partial(
    _by_office, ending="xlsb", target="xlsx", kind="a binary Excel file", reader=read_xlsx
)
