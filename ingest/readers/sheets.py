"""Spreadsheets: a heading for each sheet, and its rows as tables."""

import datetime
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ingest.readers.partitioned import office_properties
from ingest.readers.plain import tables
from ingest.readers.refusals import PARSER_ERRORS, damaged, locked
from ragqwen.records import Element, ParsedFile


def read_xlsx(path: Path, name: str) -> ParsedFile:
    """Read an Excel file's cells as last calculated; hidden sheets too."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    elements: list[Element] = []
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        for number, sheet in enumerate(book.worksheets, 1):
            sheet.reset_dimensions()  # what the file says of its size is often wrong
            rows = ([_cell(value) for value in row] for row in sheet.iter_rows(values_only=True))
            elements.extend(_sheet(sheet.title, number, rows))
        book.close()
    except (InvalidFileException, *PARSER_ERRORS) as exc:
        raise damaged(name, exc) from exc
    properties = office_properties(path, name)
    return ParsedFile(tuple(elements), title=properties.pop("title", ""), metadata=properties)


def read_xls(path: Path, name: str) -> ParsedFile:
    """Read an Excel file of 1997 to 2003."""
    import xlrd
    from xlrd.biffh import XLRDError
    from xlrd.compdoc import CompDocError

    elements: list[Element] = []
    try:
        with xlrd.open_workbook(path, logfile=io.StringIO(), on_demand=True) as book:
            for number, sheet in enumerate(book.sheets(), 1):
                rows = (
                    [_xls_cell(cell, book.datemode) for cell in sheet.row(index)]
                    for index in range(sheet.nrows)
                )
                elements.extend(_sheet(sheet.name, number, rows))
    except XLRDError as exc:
        raise (locked(name) if "encrypted" in str(exc) else damaged(name, exc)) from exc
    except (CompDocError, *PARSER_ERRORS) as exc:
        raise damaged(name, exc) from exc
    return ParsedFile(tuple(elements))


def _sheet(title: str, number: int, rows: Iterable[Iterable[str]]) -> Iterator[Element]:
    """Make a sheet's elements, on a page of its own; one without cells makes none."""
    found = [Element(e.text, kind=e.kind, page=number) for e in tables(rows)]
    if found:
        yield Element(title, kind="heading", page=number, level=1)
        yield from found


def _cell(value: Any) -> str:
    """Write a cell's value as a reader would see it, more or less."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case datetime.datetime():
            midnight = value.time() == datetime.time()
            return value.date().isoformat() if midnight else value.isoformat(" ")
        case datetime.date() | datetime.time():
            return value.isoformat()
        case _:
            return str(value)


def _xls_cell(cell: Any, datemode: int) -> str:
    import xlrd

    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            return _cell(xlrd.xldate_as_datetime(cell.value, datemode))
        except (ValueError, OverflowError):
            return _cell(cell.value)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return _cell(bool(cell.value))
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return ""
    return _cell(cell.value)
