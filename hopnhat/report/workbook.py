"""A thin hand on xlsxwriter: one look for all workbooks, text always as text (never a formula)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xlsxwriter

_INK, _LINE, _HEAD = "#1a202c", "#dfe4ea", "#e8eef5"


class Book:
    """An open workbook and its formats. Rows must be written from top to bottom (constant memory)."""

    def __init__(self, book: Any) -> None:
        self.book = book
        base = {"font_name": "Calibri", "font_size": 11, "font_color": _INK, "valign": "top"}
        cell = base | {"border": 1, "border_color": _LINE}
        self.formats = {
            "title": book.add_format(base | {"bold": True, "font_size": 16}),
            "soft": book.add_format(base | {"font_color": "#5a6676"}),
            "label": book.add_format(base | {"bold": True}),
            "plain": book.add_format(base | {"align": "left"}),
            "head": book.add_format(cell | {"bold": True, "bg_color": _HEAD, "text_wrap": True, "valign": "vcenter"}),
            "text": book.add_format(cell), "wrap": book.add_format(cell | {"text_wrap": True}),
            "number": book.add_format(cell | {"num_format": "#,##0"}),
            "bold": book.add_format(cell | {"bold": True}), "boldnumber": book.add_format(cell | {"bold": True, "num_format": "#,##0"}),
            "bad": book.add_format(cell | {"font_color": "#b42318", "bold": True}),
            "badnumber": book.add_format(cell | {"font_color": "#b42318", "bold": True, "num_format": "#,##0"}),
        }  # fmt: skip

    def sheet(self, name: str, widths: Sequence[int]) -> Any:
        sheet = self.book.add_worksheet(name)
        for number, width in enumerate(widths):
            sheet.set_column(number, number, width)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        return sheet

    def title(self, sheet: Any, text: str, under: str) -> int:
        sheet.set_row(0, 24)
        sheet.write_string(0, 0, text, self.formats["title"])
        sheet.write_string(1, 0, under, self.formats["soft"])
        return 3

    def pair(self, sheet: Any, row: int, label: str, value: object) -> int:
        sheet.write_string(row, 0, label, self.formats["label"])
        sheet.write_string(row, 1, str(value), self.formats["plain"])
        return row + 1

    def head(self, sheet: Any, row: int, names: Sequence[str], *, filtered: int | None = None) -> int:
        """Column heads; with `filtered` (number of rows below) also a filter and frozen panes."""
        if filtered is not None:
            sheet.freeze_panes(row + 1, 0)
            sheet.repeat_rows(row)
            if filtered:
                sheet.autofilter(row, 0, row + filtered, len(names) - 1)
        for column, name in enumerate(names):
            sheet.write_string(row, column, name, self.formats["head"])
        return row + 1

    def line(self, sheet: Any, row: int, values: Sequence[object], *, bold: bool = False, bad: bool = False, wrap: bool = False) -> int:
        kind = "bold" if bold else "bad" if bad else ""
        for column, value in enumerate(values):
            if isinstance(value, int):
                sheet.write_number(row, column, value, self.formats[f"{kind}number" if kind else "number"])
            elif value is None or value == "":
                sheet.write_blank(row, column, None, self.formats["text"])
            else:
                sheet.write_string(row, column, str(value)[:32_000], self.formats[kind or ("wrap" if wrap else "text")])
        return row + 1

    def bars(self, sheet: Any, title: str, first: int, last: int, *, at: tuple[int, int]) -> None:
        """A native bar chart over columns A (labels) and B (values) of rows first … last, placed at a cell."""
        chart = self.book.add_chart({"type": "bar"})
        name = sheet.get_name()
        chart.add_series(
            {
                "categories": [name, first, 0, last, 0], "values": [name, first, 1, last, 1], "fill": {"color": "#2b6cb0"}, "gap": 40,
                "data_labels": {"value": True, "num_format": "#,##0"},
            }
        )  # fmt: skip
        chart.set_title({"name": title, "name_font": {"size": 12}})
        chart.set_legend({"none": True})
        chart.set_y_axis({"reverse": True, "num_font": {"size": 9}})
        chart.set_x_axis({"num_format": "#,##0", "major_gridlines": {"visible": False}, "visible": False})
        chart.set_size({"width": 620, "height": 60 + 24 * max(4, last - first + 1)})
        sheet.insert_chart(at[0], at[1], chart)


@contextmanager
def open_book(path: Path) -> Iterator[Book]:
    """A workbook that appears under its name only when it is whole."""
    draft = path.with_name(f".{path.name}.part")
    book = xlsxwriter.Workbook(str(draft), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    yield Book(book)
    book.close()
    draft.replace(path)
