"""How does text from data reach the screen: as text, whatever signs it holds."""

from __future__ import annotations

import html
import re

_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$^=&@/])")
_AUTOLINK = re.compile(r"\\@|\\:(?=\\/\\/)|www(?=\\\.)", re.IGNORECASE)
"""In escaped text, what is drawn as a link all the same: addresses are looked for once the escapes are gone."""

_JOINER = "\u2060"
"""Invisible, and breaks no line; an address that holds it is none."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def one_line(text: str, limit: int = 300) -> str:
    r"""Take control signs and line breaks out and cut what is too long.

    Args:
        text: any text, from a file or a person.
        limit: most characters kept.

    Example:
        >>> one_line("flow\nrate")
        'flow rate'
    """
    flat = " ".join(_CONTROL.sub(" ", text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def markdown(text: str, limit: int = 300) -> str:
    r"""Escape a text so that Markdown shows it as it is: no link, picture, colour, icon or formula arises from data.

    Example:
        >>> markdown("![x](a)")
        '\\!\\[x\\]\\(a\\)'
        >>> [ascii(markdown(text))[1:-1].count("u2060") for text in ("http://a", "www.a", "ann@example.org")]
        [1, 1, 1]
    """
    return _AUTOLINK.sub(lambda found: found[0] + _JOINER, _MARKS.sub(r"\\\1", one_line(text, limit)))


def figure(text: str, limit: int = 60) -> str:
    """Escape a text for a Plotly title, tick or annotation, which read a few HTML tags.

    Example:
        >>> figure("<b>T1</b>")
        '&lt;b&gt;T1&lt;/b&gt;'
    """
    return html.escape(one_line(text, limit), quote=False)
