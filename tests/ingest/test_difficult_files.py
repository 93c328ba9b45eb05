"""Files with wrong endings, damage, attacks and odd encodings; and the real samples."""

import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.readers import read_file
from ingest.readers.decode import decode_text
from ragqwen.errors import DocumentRefused
from tests.ingest.making import (
    brief,
    make_docx,
    make_eml,
    make_odt,
    read,
    refusal,
    write,
    zipped,
)

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "docs"

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
