"""Small files of many formats, made on the spot for the readers' tests."""

import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from ingest.readers import read_file
from ragqwen.errors import DocumentRefused
from ragqwen.records import ParsedFile


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
