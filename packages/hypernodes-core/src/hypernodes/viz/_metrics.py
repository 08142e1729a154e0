"""How wide a text is, without a font: the widths of Helvetica, in thousandths.

Arial, Liberation Sans and Helvetica agree on them.  Other families are a
little wider or narrower; drawings tell the browser how wide a text is to be, so
that the same text has the same width on every machine.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

_GROUPS: Final = {
    222: "ijl",
    260: "|",
    278: " !,./:;I[]\\ft",
    191: "'",
    333: "()-`r",
    334: "{}",
    355: '"',
    389: "*",
    469: "^",
    500: "Jckszvxy",
    556: "#$0123456789?_abdeghnopquL",
    584: "+<=>~",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1000: "…",
    1015: "@",
}
_WIDTHS: Final = {sign: width for width, signs in _GROUPS.items() for sign in signs}
_BOLD: Final = 1.075
_UNKNOWN: Final = 600
_WIDE: Final = 1000


def text_width(text: str, size: float, *, is_bold: bool = False) -> float:
    """Return the width of *text* in the units of *size*."""
    total = sum(map(_sign_width, text)) * size / 1000
    return total * _BOLD if is_bold else total


def columns(text: str) -> int:
    """Return how many columns of a terminal *text* takes."""
    return sum(map(_sign_columns, text))


@cache
def _sign_width(sign: str) -> int:
    width = _WIDTHS.get(sign)
    if width is not None:
        return width
    return (0, _UNKNOWN, _WIDE)[_sign_columns(sign)]


@cache
def _sign_columns(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
