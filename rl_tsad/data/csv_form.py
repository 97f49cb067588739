"""How is a CSV file written (encoding, delimiter, header, decimal sign), and on which line does a row stand?"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rl_tsad.data.columns import Table
from rl_tsad.data.numerals import is_grouped
from rl_tsad.errors import DataError

_HEAD = 65_536
_DELIMITERS = (";", "\t", "|", ",")
"""Tried in this order; the comma last, since it also writes decimals and stands in texts."""
_NUMBER = re.compile(r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$")
_TIME = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
MISSING = ("", "nan", "NaN", "NAN", "-nan", "NA", "N/A", "n/a", "#N/A", "<NA>", "null", "NULL", "None", "NaT")
"""What counts as a missing cell; anything else that is no number is an error."""


@dataclass(frozen=True)
class CsvForm:
    """How a CSV file is written.

    Attributes:
        encoding: ``utf-8-sig`` or ``latin-1``.
        delimiter: one character.
        decimal: ``.`` or ``,``.
        columns: distinct names, from the header or made up.
        skip: physical lines before the first data row.
    """

    encoding: str
    delimiter: str
    decimal: str
    columns: tuple[str, ...]
    skip: int


def sniff(path: Path, delimiter: str | None = None) -> CsvForm:
    r"""Find out from its beginning how a file is written.

    Raises:
        DataError: when the file is empty, not text, or no table.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = Path(folder.name, "a.csv")
        >>> _ = path.write_text("time;flow\n2024-01-01;1,5\n")
        >>> form = sniff(path)
        >>> form.delimiter, form.decimal, form.columns
        (';', ',', ('time', 'flow'))
        >>> folder.cleanup()
    """
    text, encoding = _head(path)
    delimiter = delimiter or _delimiter(text)
    records = list(_records(text, delimiter))
    if not records:
        raise DataError(f"{path.name}: expected a header and data rows, got only blank lines; check the file")
    (line, first), rest = records[0], [cells for _, cells in records[1:200]]
    has_header = not _is_data(first)
    columns = _columns(path, first, rest, has_header)
    body = rest if has_header else [first, *rest]
    decimal = "." if delimiter == "," else _decimal([cell.strip() for cells in body for cell in cells])
    return CsvForm(encoding, delimiter, decimal, columns, line if has_header else 0)


def load_csv(path: Path, form: CsvForm) -> Table:
    """Read a whole CSV file, numbers as numbers.

    Raises:
        DataError: when a line has more fields than the header, or a quote is never closed.
    """
    try:
        frame = pd.read_csv(
            path,
            sep=form.delimiter,
            decimal=form.decimal,
            encoding=form.encoding,
            header=None,
            names=list(form.columns),
            skiprows=form.skip,
            keep_default_na=False,
            na_values=list(MISSING),
            skipinitialspace=True,
            low_memory=False,
        )
    except pd.errors.EmptyDataError:
        frame = pd.DataFrame(columns=list(form.columns))
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise _broken(path, str(error)) from error
    if len(frame) == 0:
        raise DataError(f"{path.name}: expected data rows below the header, got none; check that the file is complete")
    return Table(frame, lambda row: f"{path.name}, line {line_of(path, form, row)}", path.name, form.decimal)


def line_of(path: Path, form: CsvForm, row: int) -> int:
    r"""Find the physical line (from 1) on which a data row (from 0) ends.

    Read line by line, so only called to report an error.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = Path(folder.name, "a.csv")
        >>> _ = path.write_text("x\n1\n\n2\n")
        >>> line_of(path, sniff(path), 1)
        4
        >>> folder.cleanup()
    """
    with path.open(encoding=form.encoding, newline="") as file:
        for _ in range(form.skip):
            file.readline()
        for count, (line, _) in enumerate(_records(file, form.delimiter)):
            if count == row:
                return line + form.skip
    return form.skip + row + 1


def _head(path: Path) -> tuple[str, str]:
    with path.open("rb") as file:
        start = file.read(_HEAD)
    if not start.strip():
        raise DataError(f"{path.name}: expected a header and data rows, got an empty file; check that it is complete")
    if b"\0" in start:
        raise DataError(f"{path.name}: expected text in UTF-8, got binary data or UTF-16; export it as CSV in UTF-8")
    whole = start if len(start) < _HEAD else start[: start.rfind(b"\n") + 1] or start
    encoding = "utf-8-sig" if _is_utf8(path) else "latin-1"
    return whole.decode(encoding, errors="replace"), encoding


def _is_utf8(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            while file.read(1 << 24):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(text: str) -> str:
    """Choose the delimiter that cuts header and first lines into equally many fields, as many as possible."""
    best, fields = ",", 1
    for delimiter in _DELIMITERS:
        widths = [len(cells) for _, cells in _records(text, delimiter)][:50]
        agreeing = sum(width in (widths[0], widths[0] + 1) for width in widths)
        if widths and agreeing >= 0.9 * len(widths) and widths[0] > fields:
            best, fields = delimiter, widths[0]
    return best if fields > 1 or not _single_column(text) else "\t"


def _single_column(text: str) -> bool:
    """Whether every line is one number with a decimal comma, under a header or none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()][1:50]
    return bool(lines) and all(_is_comma_number(line) or _NUMBER.match(line) for line in lines)


def _records(source: str | io.TextIOBase, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (last physical line, cells) of every record that is not blank, as pandas counts them."""
    lines = io.StringIO(source, newline="") if isinstance(source, str) else source
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield reader.line_num, cells
    except csv.Error:
        return


def _is_data(cells: list[str]) -> bool:
    """Whether a first record is data already: a time in it, or nothing but numbers (``time,1,2`` is a header)."""
    plain = [cell.strip() for cell in cells]
    return any(_TIME.match(cell) for cell in plain) or all(cell in MISSING or _NUMBER.match(cell) for cell in plain)


def _is_comma_number(cell: str) -> bool:
    return "," in cell and _NUMBER.match(cell.strip()) is not None


def _decimal(cells: list[str]) -> str:
    """Tell the decimal sign: a comma where one is surely decimal, or may be and no point is (``1,234``: 1.234)."""
    commas = [cell for cell in cells if _is_comma_number(cell)]
    if any(not is_grouped(cell, ".") for cell in commas):
        return ","
    points = any("." in cell and _NUMBER.match(cell) and not is_grouped(cell, ",") for cell in cells)
    thousands = any("," in cell and "." in cell and is_grouped(cell, ".") for cell in cells)
    european = any("," in cell and "." in cell and is_grouped(cell, ",") for cell in cells)
    return "," if european or (commas and not points and not thousands) else "."


def _columns(path: Path, first: list[str], rest: list[list[str]], has_header: bool) -> tuple[str, ...]:
    width = len(rest[0]) if rest else len(first)
    if not has_header:
        return tuple(f"column {i + 1}" for i in range(len(first)))
    names = [cell.strip() for cell in first]
    if width == len(names) + 1:
        trailing = all(len(cells) <= width and (len(cells) < width or not cells[-1].strip()) for cells in rest)
        names = [*names, ""] if trailing else ["", *names]
    if width > len(names):
        raise DataError(
            f"{path.name}: expected {len(names)} fields as in the header, got {width} in the first data row; "
            "check the delimiter (--delimiter)"
        )
    return tuple(_distinct(names))


def _distinct(names: list[str]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        name = name or f"column {i + 1}"
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"


def _broken(path: Path, message: str) -> DataError:
    fields = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if fields:
        wanted, line, got = fields.groups()
        return DataError(
            f"{path.name}, line {line}: expected {wanted} fields, got {got}; "
            "put quotes around fields that contain the delimiter, or choose another (--delimiter)"
        )
    return DataError(f"{path.name}: expected CSV, got text that cannot be cut into rows ({message}); check the quotes")
