"""What the readers make of files of each format."""

import zipfile
from pathlib import Path

import pytest

from ragqwen.records import Element
from tests.ingest.making import (
    brief,
    make_docx,
    make_eml,
    make_epub,
    make_odt,
    make_pdf,
    read,
    refusal,
    write,
)


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
