"""Numbers of a workbook as its user sees them: by the format of their cell, dates as ISO 8601.

Spec: ECMA-376 part 1, 18.8.30 (numFmt) and 18.8.31; serial dates 18.17.4.1. A format that is not understood here (fractions,
conditions, digits in groups such as 000-00) leaves a number as it is stored, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple


class Shown(NamedTuple):
    """A cell as it is seen. `note` is what its user should know, `detail` the same of this cell; `problem` why nothing can be read.

    `is_whole`: cells that hold something else do not look the same.
    """

    text: str
    note: str = ""
    detail: str = ""
    problem: str = ""
    is_whole: bool = True


Show = Callable[[str], Shown]

_HIDDEN = "shows fewer digits than it holds, and all of them were read"
_MORE = "shows only a part of its date; the whole date was read"
_PART = "shows fewer digits than it holds; of a date what it shows was read"
_UNKNOWN = "has a format of numbers that is not known here; the number as it is stored was read"
_LONG = "has more than 15 digits, of which a workbook keeps 15; if it is an identifier, store it as text"
_BUILT_IN = {  # the others, of East Asian locales, are dates
    **{
        0: "General",
        1: "0",
        2: "0.00",
        3: "#,##0",
        4: "#,##0.00",
        9: "0%",
        10: "0.00%",
        11: "0.00E+00",
        12: "# ?/?",
        13: "# ??/??",
    },
    **{
        14: "yyyy-mm-dd",
        15: "d-mmm-yy",
        16: "d-mmm",
        17: "mmm-yy",
        18: "h:mm AM/PM",
        19: "h:mm:ss AM/PM",
        20: "h:mm",
        21: "h:mm:ss",
    },
    **{
        22: "yyyy-mm-dd h:mm",
        37: "#,##0",
        38: "#,##0",
        39: "#,##0.00",
        40: "#,##0.00",
        41: "#,##0",
        42: "#,##0",
        43: "#,##0.00",
    },
    **{44: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss", 48: "##0.0E+0", 49: "@"},
}
_TOKEN = re.compile(
    r'"([^"]*)"|\\(.)|_.|\*.|\[\$([^\]-]*)[^\]]*\]|\[(h+|m+|s+)\]|\[([^\]]*)\]|(E[+-]0+)|([0#?.,]+)|(.)',
    re.IGNORECASE | re.DOTALL,
)
_SECTIONS = re.compile(r'((?:"[^"]*"|\\.|\[[^\]]*\]|[^;])*)(?:;|$)', re.DOTALL)
_MINUTES = re.compile(r"h[^dmys]*m+|m+[^dmyh]*s|am/pm|a/p")
_DAY = 24 * 60 * 60
_MOST_CODE = 255  # characters of a format; spreadsheets take no more
_EXACT = Context(prec=_MOST_CODE + 60)  # for what a format can ask for
_WHOLE = re.compile(r"-?[0-9]{16,40}")
_LAST_SERIAL = 2_958_466  # the day after 9999-12-31


def built_in(number: int) -> str:
    """The format of a number below 164, which no workbook spells out."""
    return _BUILT_IN.get(number, "yyyy-mm-dd")


def shower(code: str, is_1904: bool) -> Show:
    """What shows numbers of this format. `is_1904`: days are counted from 1904-01-01."""
    if len(code) > _MOST_CODE:
        return _unknown
    sections = [match.group(1) for match in _SECTIONS.finditer(code) if match.group()]
    first = sections[0] if sections else ""
    bare = "".join(token.group(4) or token.group(8) or "" for token in _TOKEN.finditer(first)).lower()
    if first.lower() in ("", "general", "@"):
        return _stored
    if "general" not in bare and set(bare) & set("dmyhs"):
        return _dates(bare, "[" in first and any(token.group(4) for token in _TOKEN.finditer(first)), is_1904)
    patterns = [_pattern(section) for section in sections[:3]]
    if any(pattern is None for pattern in patterns):
        return _unknown
    return lambda text: _by_sections(text, [pattern for pattern in patterns if pattern])


def _number(text: str) -> Decimal:
    """The 15 digits that a workbook keeps: those after them are noise of binary numbers (9.800000000000001).

    Of a whole number that is stored with all its digits there is no noise.
    """
    return Decimal(text if _WHOLE.fullmatch(text) else f"{float(text):.15g}")


def _stored(text: str) -> Shown:
    number = _number(text)
    if not number.is_finite():
        return Shown("", problem=f"holds {text[:20]!r}, which is no number; mend the cell")
    return Shown(_plain(number), *_long(number))


def _unknown(text: str) -> Shown:
    return _stored(text)._replace(note=_UNKNOWN)


def _long(number: Decimal) -> tuple[str, str, str, bool]:
    """What a number with more digits than a workbook keeps has besides its text: others look the same."""
    is_long = abs(number) >= 10**15
    return _LONG if is_long else "", "", "", not is_long


def _plain(number: Decimal) -> str:
    """Without exponent, and without zeros at the end that nobody wrote."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class _Pattern(NamedTuple):
    """A section of a format: text before and after the digits, and which of these are always written."""

    before: str
    after: str
    whole: int  # digits before the point, at least
    fewest: int  # digits after it
    most: int
    exponent: bool
    percent: int


def _pattern(section: str) -> _Pattern | None:
    """None for a section that is not understood."""
    digits, exponent, words = "", False, ["", ""]
    for token in _TOKEN.finditer(section):
        quoted, escaped, currency, elapsed, bracket, power, places, other = token.groups()
        if places and not digits:
            digits = places
        elif power and digits and not words[1]:
            exponent = True
        elif places or power or elapsed or (other and other in "/@") or (bracket and bracket[:1] in "<>="):
            return None
        else:
            words[bool(digits)] += quoted or escaped or currency or other or ""
    whole, _, part = digits.partition(".")
    if not digits or whole.endswith(",") or part.strip("0#?"):
        return None
    percent = (words[0] + words[1]).count("%")
    return _Pattern(
        words[0].strip(), words[1].rstrip(), whole.count("0"), part.count("0"), len(part), exponent, percent
    )


def _by_sections(text: str, patterns: list[_Pattern]) -> Shown:
    """By the section for positive numbers, negative ones, or zero."""
    number = _number(text)
    if not number.is_finite():
        return _stored(text)
    index = 2 if number == 0 and len(patterns) > 2 else 1 if number < 0 and len(patterns) > 1 else 0
    pattern = patterns[index]
    scaled = (number.copy_abs() if index else number).scaleb(2 * pattern.percent, _EXACT)
    seen, rounded = _written(scaled, pattern)
    if rounded == scaled:
        return Shown(seen, *_long(number))
    text, _ = _written(scaled, pattern._replace(most=_MOST_CODE))
    return Shown(text, _HIDDEN, f": {text}, not {seen}", "", _long(number)[-1])


def _written(number: Decimal, pattern: _Pattern) -> tuple[str, Decimal]:
    """A number by a pattern, and its value after that."""
    if pattern.exponent:
        digits = f"{number:E}" if pattern.most == _MOST_CODE else f"{number:.{pattern.most}E}"
        return pattern.before + digits + pattern.after, Decimal(digits)
    rounded = number
    if number.adjusted() < 20:
        rounded = number.quantize(Decimal(1).scaleb(-pattern.most), ROUND_HALF_UP, _EXACT)
    whole, _, part = f"{rounded.copy_abs():f}".partition(".")
    part = part[: pattern.fewest] + part[pattern.fewest :].rstrip("0")
    digits = whole.zfill(pattern.whole) + ("." + part if part else "")
    sign = "-" if rounded.is_signed() else ""
    return pattern.before + sign + digits + pattern.after, rounded


def _dates(bare: str, is_elapsed: bool, is_1904: bool) -> Show:
    """Shows serial dates with the parts that a format has: no day where only month and year are seen."""
    days = _MINUTES.sub("", bare)
    has_day, has_month, has_year = "d" in days, "m" in days, "y" in days
    has_time, has_seconds = "h" in bare or "s" in bare, "s" in bare
    note = "" if has_year and (has_month or not has_day) else _MORE
    width = 10 if has_day or not has_year else 7 if has_month else 4

    def show(text: str) -> Shown:
        seconds = round(float(text) * _DAY) if abs(float(text)) < _LAST_SERIAL else -1
        if seconds < 0:
            return Shown("", problem=f"is formatted as a date and holds {text[:20]!r}, which is none; mend the cell")
        clock = str(timedelta(seconds=seconds % _DAY)).zfill(8)
        if is_elapsed or not (has_day or has_month or has_year):
            hours = str(seconds // 3600).zfill(2) + clock[2:] if is_elapsed else clock
            return Shown(hours if has_seconds else hours[:-3])
        day = _day(seconds // _DAY, is_1904)
        if day is None:
            return Shown("", problem=f"is formatted as a date and holds {text[:20]!r}, which is no day; mend the cell")
        stated = day.isoformat()[:width]
        if seconds % _DAY == 0:  # a date, also by a format with a time: so libraries store dates
            return Shown(stated, note, is_whole=width == 10)
        if has_time and width == 10:
            return Shown(f"{stated}T{clock if has_seconds else clock[:5]}", note, is_whole=has_seconds)
        return Shown(stated, _PART, f": {stated}, not {day}T{clock}", is_whole=False)

    return show


def _day(serial: int, is_1904: bool) -> date | None:
    """The day of a serial number. Day 60 of the other system is 1900-02-29, which never was; day 0 is none."""
    if is_1904:
        return (datetime(1904, 1, 1) + timedelta(days=serial)).date() if serial < _LAST_SERIAL - 1462 else None
    if serial in (0, 60):
        return None
    return (datetime(1899, 12, 30 if serial > 60 else 31) + timedelta(days=serial)).date()
