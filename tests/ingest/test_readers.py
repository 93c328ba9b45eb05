"""Reading one file: what each format yields, and what is refused and why."""

import os
import subprocess
import sys
import textwrap
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.readers import read_file
from ingest.readers.decode import decode_text
from ragqwen.errors import DocumentRefused
from ragqwen.records import Element, ParsedFile

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "docs"


# ---------------------------------------------------------------------------------- making files


def zipped(path: Path, parts: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def make_docx(path: Path) -> Path:
    import docx

    document = docx.Document()
    document.core_properties.title = "Ferry rules"
    document.add_heading("Tickets", 1)
    document.add_paragraph("Children travel free.")
    document.add_heading("Dogs", 2)
    document.add_paragraph("Dogs stay on deck", style="List Bullet")
    table = document.add_table(2, 2)
    for row, texts in zip(table.rows, (("Day", "Price"), ("Monday", "4")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.save(str(path))
    return path


def make_epub(path: Path, *chapters: str) -> Path:
    items = "".join(
        f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>'
        for n in range(len(chapters))
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    parts: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container version="1.0"'
        ' xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile'
        ' full-path="c.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
        "c.opf": '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A Small Book</dc:title>'
        f"<dc:language>en</dc:language></metadata><manifest>{items}</manifest>"
        f"<spine>{spine}</spine></package>",
    }
    for n, chapter in enumerate(chapters):
        page = f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{chapter}</body></html>'
        parts[f"c{n}.xhtml"] = page
    return zipped(path, parts)


def make_odt(path: Path, body: str) -> Path:
    kinds = ("office", "text", "table")
    spaces = " ".join(f'xmlns:{k}="urn:oasis:names:tc:opendocument:xmlns:{k}:1.0"' for k in kinds)
    mime = "application/vnd.oasis.opendocument.text"
    parts: dict[str, str | bytes] = {
        "mimetype": mime,
        "content.xml": f'<office:document-content {spaces} office:version="1.2"><office:body>'
        f"<office:text>{body}</office:text></office:body></office:document-content>",
        "styles.xml": f'<office:document-styles {spaces} office:version="1.2">'
        "<office:styles/></office:document-styles>",
        "META-INF/manifest.xml": "<manifest:manifest"
        ' xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry'
        f' manifest:full-path="/" manifest:media-type="{mime}"/></manifest:manifest>',
    }
    return zipped(path, parts)


def make_eml(path: Path, subject: str, body: str) -> Path:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Ada <ada@example.org>"
    message["To"] = "Grace <grace@example.org>"
    message["Date"] = "Mon, 02 Mar 2026 10:00:00 +0100"
    message.set_content(body)
    message.add_attachment(b"...", maintype="application", subtype="pdf", filename="notes.pdf")
    path.write_bytes(message.as_bytes())
    return path


def make_pdf(path: Path, *pages: list[str], catalog: str = "", trailer: str = "") -> Path:
    """Write a PDF, each list of lines (Latin-1, Helvetica of 12 points) a page.

    An empty line is a gap. Object 4 is the first page's.
    """
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for n, lines in enumerate(pages):
        drawn = " ".join(f"({line}) Tj T*" for line in lines)
        stream = f"BT /F1 12 Tf 14 TL 72 720 Td {drawn} ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R"
            f" >> >> /Contents {5 + 2 * n} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    data = "%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    data += (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
        f"<< /Size {len(objects) + 1} /Root 1 0 R {trailer} >>\nstartxref\n{len(data)}\n%%EOF\n"
    )
    path.write_bytes(data.encode("latin-1"))
    return path


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path) -> ParsedFile:
    return read_file(path, name=path.name)


def refusal(path: Path) -> str:
    with pytest.raises(DocumentRefused) as caught:
        read(path)
    message = str(caught.value)
    assert path.name in message
    assert str(path.parent) not in message
    return message


def brief(parsed: ParsedFile) -> list[tuple[str, int, str]]:
    return [(element.kind, element.level, element.text) for element in parsed.elements]


# ------------------------------------------------------------------------------- what is read


def test_plain_text_is_cut_at_blank_lines_and_has_no_headings(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "TITLE?\n\nมนุษย์ทั้งหลาย\r\n \r\n人人生而自由\n在尊严上")
    assert brief(read(path)) == [
        ("text", 0, "TITLE?"),
        ("text", 0, "มนุษย์ทั้งหลาย"),
        ("text", 0, "人人生而自由\n在尊严上"),
    ]


def test_markdown_headings_keep_their_level_and_front_matter_titles(
    tmp_path: Path,
) -> None:
    text = "---\ntitle: 'Boats'\n---\n# One\n\ntext *here*\n\n## Two\n\n- item\n\n```\nx = 1\n```\n"
    parsed = read(write(tmp_path / "a.md", text))
    assert parsed.title == "Boats"
    assert brief(parsed) == [
        ("heading", 1, "One"),
        ("text", 0, "text here"),
        ("heading", 2, "Two"),
        ("list_item", 0, "item"),
        ("code", 0, "x = 1"),
    ]


def test_markdown_tables_become_rows(tmp_path: Path) -> None:
    parsed = read(write(tmp_path / "a.md", "| a | b |\n|---|---|\n| 1 | 2 |\n"))
    assert brief(parsed) == [("table", 0, "a | b\n1 | 2")]


def test_html_gives_headings_title_and_language_without_navigation(tmp_path: Path) -> None:
    page = (
        "<html lang='ka'><head><title>T</title><script>x()</script></head><body><nav>Home</nav>"
        "<h1>თავი</h1><p>ტექსტი</p><h3>ქვე</h3><p>სხვა</p></body></html>"
    )
    parsed = read(write(tmp_path / "a.html", page))
    assert (parsed.title, parsed.metadata["language"]) == ("T", "ka")
    assert brief(parsed) == [
        ("heading", 1, "თავი"),
        ("text", 0, "ტექსტი"),
        ("heading", 3, "ქვე"),
        ("text", 0, "სხვა"),
    ]


def test_html_data_table_stays_a_table_and_layout_table_does_not(tmp_path: Path) -> None:
    data = "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
    page = f"<table><tr><td><h2>H</h2><p>para</p>{data}</td></tr></table>"
    assert brief(read(write(tmp_path / "a.html", page))) == [
        ("heading", 2, "H"),
        ("text", 0, "para"),
        ("table", 0, "a | b\n1 | 2"),
    ]


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("windows-1251", "Добро пожаловать"),
        ("shift_jis", "日本語のページ"),
        ("gb2312", "简体中文页面"),
    ],
)
def test_html_in_an_old_charset_is_read_as_declared(
    tmp_path: Path, charset: str, text: str
) -> None:
    page = f"<html><head><meta charset='{charset}'></head><body><p>{text}</p></body></html>"
    parsed = read(write(tmp_path / "a.html", page.encode(charset)))
    assert brief(parsed) == [("text", 0, text)]


def test_docx_gives_headings_lists_tables_and_title(tmp_path: Path) -> None:
    parsed = read(make_docx(tmp_path / "a.docx"))
    assert parsed.title == "Ferry rules"
    assert brief(parsed) == [
        ("heading", 1, "Tickets"),
        ("text", 0, "Children travel free."),
        ("heading", 2, "Dogs"),
        ("list_item", 0, "Dogs stay on deck"),
        ("table", 0, "Day | Price\nMonday | 4"),
    ]


def test_docx_footnotes_are_read(tmp_path: Path) -> None:
    path = make_docx(tmp_path / "a.docx")
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    text = "<w:p><w:r><w:t>See law 7.</w:t></w:r></w:p>"
    note = f"<w:footnotes xmlns:w='{space}'><w:footnote>{text}</w:footnote></w:footnotes>"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("word/footnotes.xml", note)
    assert read(path).elements[-1] == Element("See law 7.")


def test_pptx_slides_are_pages_and_their_titles_headings(tmp_path: Path) -> None:
    import pptx

    deck = pptx.Presentation()
    for title, body in (("One", "first"), ("สอง", "ข้อความ")):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
    deck.save(str(tmp_path / "a.pptx"))
    found = [(e.page, e.kind, e.text) for e in read(tmp_path / "a.pptx").elements]
    assert found == [
        (1, "heading", "One"),
        (1, "text", "first"),
        (2, "heading", "สอง"),
        (2, "text", "ข้อความ"),
    ]


def test_xlsx_sheets_are_headed_tables(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "Prices"
    for row in (["item", "cost"], ["tea", 2.0], [None, None], ["ფასი", 1.5]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    found = [(e.kind, e.page, e.text) for e in read(tmp_path / "a.xlsx").elements]
    assert found == [
        ("heading", 1, "Prices"),
        ("table", 1, "item | cost\ntea | 2"),
        ("table", 1, "ფასი | 1.5"),
    ]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_csv_finds_its_delimiter(tmp_path: Path, mark: str) -> None:
    path = write(tmp_path / "a.csv", f'name{mark}note\n"Ann{mark}B."{mark}x\n')
    quoted = " ".join(f"Ann{mark}B.".split())
    assert brief(read(path)) == [("table", 0, f"name | note\n{quoted} | x")]


def test_epub_reads_chapters_in_order_with_title(tmp_path: Path) -> None:
    path = make_epub(tmp_path / "a.epub", "<h1>Un</h1><p>uno</p>", "<h1>Dos</h1><p>due</p>")
    parsed = read(path)
    assert parsed.title == "A Small Book"
    assert brief(parsed) == [
        ("heading", 1, "Un"),
        ("text", 0, "uno"),
        ("heading", 1, "Dos"),
        ("text", 0, "due"),
    ]


def test_odt_gives_headings_and_tables(tmp_path: Path) -> None:
    cells = "".join(
        f"<table:table-cell><text:p>{text}</text:p></table:table-cell>" for text in ("a", "b")
    )
    body = (
        '<text:h text:outline-level="2">Κεφάλαιο</text:h><text:p>κείμενο</text:p>'
        f"<table:table><table:table-row>{cells}</table:table-row></table:table>"
    )
    assert brief(read(make_odt(tmp_path / "a.odt", body))) == [
        ("heading", 2, "Κεφάλαιο"),
        ("text", 0, "κείμενο"),
        ("table", 0, "a | b"),
    ]


def test_org_and_rst_keep_their_titles_and_headings(tmp_path: Path) -> None:
    org = read(write(tmp_path / "a.org", "#+TITLE: Títol\n* Un\ntext\n"))
    rst = read(write(tmp_path / "a.rst", "Titre\n=====\n\nUn\n--\n\ntexte\n"))
    assert (org.title, rst.title) == ("Títol", "Titre")
    assert brief(org)[1:] == [("heading", 1, "Un"), ("text", 0, "text")]
    assert [text for _, _, text in brief(rst)] == ["Titre", "Un", "texte"]


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        (r"\ansicpg1252{\fonttbl{\f0\fcharset128 MS;}}", r"\f0 \'82\'b1\'82\'f1\'82\'c9", "こんに"),
        (r"\ansicpg1250", r"\'c8l\'e1nek", "Článek"),
        (r"\ansicpg1251", r"\'cf\'f0\'e8\'e2\'e5\'f2", "Привет"),
        (r"\ansi\uc1", r"\u4304?\u4305? \u-10179?\u-8704?", "აბ 😀"),
    ],
)
def test_rtf_is_read_in_its_code_pages(tmp_path: Path, head: str, body: str, text: str) -> None:
    path = write(tmp_path / "a.rtf", f"{{\\rtf1{head}\\pard {body}\\par}}")
    assert brief(read(path)) == [("text", 0, text)]


def test_rtf_gives_headings_and_tables_and_skips_pictures(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.rtf",
        r"{\rtf1\ansi{\stylesheet{\s0 Normal;}{\s2 heading 2;}}{\pict 89504e47}"
        r"{\pard\s2 Head\par}{\pard Body\par}\trowd\intbl a\cell b\cell\row\pard end\par}",
    )
    assert brief(read(path)) == [
        ("heading", 2, "Head"),
        ("text", 0, "Body"),
        ("table", 0, "a | b"),
        ("text", 0, "end"),
    ]


def test_mail_gives_subject_headers_body_and_names_of_attachments(tmp_path: Path) -> None:
    parsed = read(make_eml(tmp_path / "a.eml", "Привіт", "Як справи?\n\nДобре."))
    assert parsed.title == "Привіт"
    assert parsed.metadata["attachments"] == ["notes.pdf"]
    assert parsed.metadata["from"] == "Ada <ada@example.org>"
    assert brief(parsed)[0] == ("heading", 1, "Привіт")
    assert parsed.elements[1].text.startswith("From: Ada <ada@example.org>\nTo: Grace")
    assert [e.text for e in parsed.elements[2:]] == ["Як справи?", "Добре."]


def test_mail_in_html_alone_is_read(tmp_path: Path) -> None:
    message = "Subject: s\nContent-Type: text/html; charset=cp1253\n\n<p>Γειά σου</p>"
    parsed = read(write(tmp_path / "a.eml", message.encode("cp1253")))
    assert parsed.elements[-1].text == "Γειά σου"


def test_mailbox_heads_each_message(tmp_path: Path) -> None:
    box = "".join(
        f"From a@b Mon Mar  2 10:00:00 2026\nSubject: {n}\nFrom: a@b\n\nbody {n}\n\n"
        for n in (1, 2)
    )
    parsed = read(write(tmp_path / "a.mbox", box))
    assert [e.text for e in parsed.elements if e.kind == "heading"] == ["1", "2"]
    assert parsed.metadata["messages"] == 2


def test_xml_keeps_paragraphs_whole_and_nests_headings(tmp_path: Path) -> None:
    text = (
        "<d xml:lang='th'><title>T</title><s><title>S</title><p>one <b>bold</b> word</p>"
        "<li>item</li></s></d>"
    )
    parsed = read(write(tmp_path / "a.xml", text))
    assert parsed.metadata["language"] == "th"
    assert brief(parsed) == [
        ("heading", 1, "T"),
        ("heading", 2, "S"),
        ("text", 0, "one bold word"),
        ("list_item", 0, "item"),
    ]


def test_xml_in_a_declared_charset_is_read(tmp_path: Path) -> None:
    text = "<?xml version='1.0' encoding='windows-1251'?><p>Война и мир</p>"
    assert brief(read(write(tmp_path / "a.fb2", text.encode("cp1251")))) == [
        ("text", 0, "Война и мир")
    ]


# ---------------------------------------------------------------------------------------- PDF


def test_pdf_counts_pages_from_one_and_joins_lines(tmp_path: Path) -> None:
    pages = (
        ["The harbour opens at six in the morn-", "ing and closes at ten at night.", "", "Dogs."],
        ["Second page."],
    )
    parsed = read(make_pdf(tmp_path / "a.pdf", *pages))
    assert parsed.metadata["pages"] == 2
    assert [(e.page, e.text) for e in parsed.elements] == [
        (1, "The harbour opens at six in the morning and closes at ten at night."),
        (1, "Dogs."),
        (2, "Second page."),
    ]


def test_pdf_bullets_are_list_items(tmp_path: Path) -> None:
    found = brief(read(make_pdf(tmp_path / "a.pdf", ["Bring with you", "\x95 a coat", "\x95 tea"])))
    assert found[1:] == [("list_item", 0, "• a coat"), ("list_item", 0, "• tea")]


def test_pdf_outline_makes_headings(tmp_path: Path) -> None:
    outline = (
        "/Outlines << /Type /Outlines /First << /Title (Fares) /Dest [4 0 R /Fit] >> /Count 1 >>"
    )
    lines = ["1 Fares", "All fares are paid on board in coins, to the captain or to the mate."]
    parsed = read(make_pdf(tmp_path / "a.pdf", lines, catalog=outline))
    assert brief(parsed)[0] == ("heading", 1, "1 Fares")


def test_pdf_with_a_password_is_refused(tmp_path: Path) -> None:
    key = f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{'00' * 32}> /U <{'00' * 32}> /P -4 >>"
    path = make_pdf(tmp_path / "a.pdf", ["secret"], trailer=f"{key} /ID [<00> <00>]")
    assert "needs a password: remove it" in refusal(path)


def test_pdf_without_text_layer_asks_for_ocr(tmp_path: Path) -> None:
    assert "OCR" in refusal(make_pdf(tmp_path / "scan.pdf", []))


def test_damaged_pdf_is_refused(tmp_path: Path) -> None:
    assert "looks damaged" in refusal(write(tmp_path / "a.pdf", b"%PDF-1.7\nnothing more"))


# ------------------------------------------------------------------------- the wrong ending


def test_docx_named_doc_is_read_as_docx(tmp_path: Path) -> None:
    parsed = read(make_docx(tmp_path / "a.doc"))
    assert parsed.elements[0].text == "Tickets"
    assert parsed.media_type.endswith("wordprocessingml.document")


def test_html_named_txt_is_read_as_html(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "<!DOCTYPE html><html><body><h1>H</h1></body></html>")
    assert brief(read(path)) == [("heading", 1, "H")]


def test_html_named_doc_is_read_as_html(tmp_path: Path) -> None:
    path = write(tmp_path / "a.doc", "<html><body><p>From Word</p></body></html>")
    assert brief(read(path)) == [("text", 0, "From Word")]


def test_picture_named_pdf_is_refused_by_its_kind(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "a.pdf", b"\x89PNG\r\n\x1a\n" + b"\x00" * 100))
    assert "PNG picture" in message


def test_text_named_docx_is_refused(tmp_path: Path) -> None:
    assert "rename it to .txt" in refusal(write(tmp_path / "a.docx", "just text"))


def test_unknown_ending_with_text_is_read(tmp_path: Path) -> None:
    assert read(write(tmp_path / "LICENSE", "Free to use.")).elements[0].text == "Free to use."


def test_plain_zip_is_refused(tmp_path: Path) -> None:
    assert "unpack it" in refusal(zipped(tmp_path / "a.docx", {"a.txt": "text"}))


# ------------------------------------------------------------------------ damage and attacks


@pytest.mark.parametrize("content", [b"", b" \n\t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n"])
@pytest.mark.parametrize("name", ["a.txt", "a.pdf", "a.docx", "a.html", "a.eml"])
def test_empty_file_is_refused_as_empty(tmp_path: Path, name: str, content: bytes) -> None:
    assert "is empty" in refusal(write(tmp_path / name, content))


def test_markup_without_text_is_refused(tmp_path: Path) -> None:
    assert "holds no text" in refusal(write(tmp_path / "a.html", "<html><body></body></html>"))


def test_missing_file_is_refused_without_its_path(tmp_path: Path) -> None:
    assert "can't be opened" in refusal(tmp_path / "gone.txt")


def test_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentRefused, match=r"a\.txt has 5 bytes, more than the 4"):
        read_file(write(tmp_path / "a.txt", "12345"), name="a.txt", max_bytes=4)


def test_zip_bomb_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = make_docx(tmp_path / "a.docx")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/a.bin", bytes(110_000_000))
    assert "would unpack to" in refusal(path)


def test_container_of_too_many_parts_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.docx", {f"word/{n}": "" for n in range(20_001)})
    assert "20,001 parts" in refusal(path)


def test_encrypted_open_document_is_refused(tmp_path: Path) -> None:
    path = make_odt(tmp_path / "a.odt", "")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["META-INF/manifest.xml"] = b"<manifest:encryption-data/>"
    assert "needs a password" in refusal(zipped(path, {**parts}))


def test_member_names_that_climb_are_harmless(tmp_path: Path) -> None:
    path = make_docx(tmp_path / "a.docx")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../outside.txt", "x")
    assert read(path).elements[0].text == "Tickets"
    assert not list(tmp_path.parent.glob("outside*"))


def test_truncated_docx_is_refused(tmp_path: Path) -> None:
    path = make_docx(tmp_path / "a.docx")
    path.write_bytes(path.read_bytes()[:2000])
    assert "looks damaged" in refusal(path)


def test_entity_bomb_does_not_expand(tmp_path: Path) -> None:
    entities = '<!ENTITY l0 "lol">' + "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)
    )
    path = write(tmp_path / "a.xml", f"<!DOCTYPE d [{entities}]><d><p>safe</p><p>&l9;</p></d>")
    assert [text for _, _, text in brief(read(path))] == ["safe"]


@pytest.mark.parametrize("name", ["a.xml", "a.html"])
def test_external_entity_is_not_fetched(tmp_path: Path, name: str) -> None:
    secret = write(tmp_path / "secret.txt", "secret words")
    text = f'<!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}">]><html><p>safe &x;</p></html>'
    path = write(tmp_path / name, f"<?xml version='1.0'?>{text}")
    assert all("secret words" not in element.text for element in read(path).elements)


def test_old_office_file_without_libreoffice_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = SAMPLES / "tika__testWORD_various.doc"
    if not sample.exists():
        pytest.skip("shared/data/docs is not here")
    monkeypatch.setenv("PATH", str(tmp_path))
    message = refusal(sample)
    assert (
        "old Word file; install LibreOffice (the command soffice), or save it as .docx" in message
    )


def test_text_holds_no_nul_and_no_lone_surrogate(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rtf", r"{\rtf1\pard a\u-10179? b\u0?c\par}")
    text = read(path).elements[0].text
    assert text.encode() and "\x00" not in text


def test_one_line_of_fifty_megabytes_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "сло во " * (50_000_000 // 12))
    assert sum(len(element.text) for element in read(path).elements) > 29_000_000


# -------------------------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_unicode_is_decoded_whatever_its_form(encoding: str) -> None:
    text = "Guten Tag.\nשלום עולם.\nこんにちは、世界。\n"
    assert decode_text(text.encode(encoding)) == text


def test_invalid_utf8_loses_only_the_wrong_bytes() -> None:
    data = "ภาษาไทยเป็นภาษาที่มีระดับเสียง".encode()
    assert decode_text(data + b"\xff" + data) == data.decode() + "\ufffd" + data.decode()


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Все люди рождаются свободными и равными в своём достоинстве и правах. "),
        ("gb18030", "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。"),
        ("cp932", "すべての人間は、生まれながらにして自由であり、尊厳と権利とについて平等である。"),
        ("cp949", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. "),
    ],
)
def test_old_encodings_are_guessed(encoding: str, text: str) -> None:
    assert decode_text((text * 5).encode(encoding)) == text * 5


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_decode(data: bytes) -> None:
    assert isinstance(decode_text(data), str)


ENDINGS = (".txt", ".html", ".xml", ".md", ".csv", ".rtf", ".eml", ".mbox", ".pdf", ".docx", ".x")
MAGIC = (b"", b"{\\rtf1 ", b"%PDF-1.4\n", b"PK\x03\x04", b"<html>", b"<?xml ")


@given(
    content=st.binary(min_size=1, max_size=300),
    ending=st.sampled_from(ENDINGS),
    magic=st.sampled_from(MAGIC),
)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_file_is_read_or_refused(
    tmp_path: Path, content: bytes, ending: str, magic: bytes
) -> None:
    path = write(tmp_path / f"a{ending}", magic + content)
    try:
        parsed = read(path)
    except DocumentRefused as exc:
        assert path.name in str(exc)
    else:
        assert all(element.text.encode() for element in parsed.elements)


# ---------------------------------------------------------------------- off the network, light


def run_python(code: str, *arguments: str) -> str:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_reading_needs_no_network_and_loads_no_torch(tmp_path: Path) -> None:
    make_docx(tmp_path / "a.docx")
    write(tmp_path / "a.html", "<h1>H</h1><p>Some words here.</p>")
    write(tmp_path / "a.md", "# H\n\nSome words here.\n")
    make_eml(tmp_path / "a.eml", "s", "b")
    said = run_python(
        """
        import socket, sys
        from pathlib import Path

        def refuse(*args, **kwargs):
            raise AssertionError("network")

        socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
        from ingest.readers import read_file
        for path in sorted(Path(sys.argv[1]).iterdir()):
            read_file(path, name=path.name)
        print(sorted({"torch", "spacy", "onnxruntime"} & set(sys.modules)))
        """,
        str(tmp_path),
    )
    assert said == "[]\n"


def test_import_loads_no_parser() -> None:
    said = run_python(
        """
        import sys
        import ingest.readers, ingest.sandbox
        print(sorted({"unstructured", "pandas", "lxml", "pypdfium2", "torch"} & set(sys.modules)))
        """
    )
    assert said == "[]\n"


# ------------------------------------------------------------------------------ real files


def samples() -> list[Path]:
    return sorted(SAMPLES.iterdir()) if SAMPLES.is_dir() else []


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="shared/data/docs is not here")
@pytest.mark.parametrize("path", samples(), ids=lambda path: path.name)
def test_every_sample_is_read_or_says_what_to_do(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        parsed = read(path)
    except DocumentRefused as exc:
        assert path.name in str(exc)
        assert any(word in str(exc) for word in ("save it", "install", "convert", "ingest"))
    else:
        assert parsed.elements
    assert capfd.readouterr() == ("", "")
