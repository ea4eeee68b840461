"""Makes matplotlib's SVG small, and readable on dark pages as well as on light ones."""

from __future__ import annotations

import re
from html import escape

DARK = (
    ("#2b2f33", "#dfe3e8"),
    ("#d9dce0", "#3d444d"),
    ("#ffffff", "#15191e"),
    ("#b8bcc2", "#5d666f"),
)
"""Ink, faint lines, paper and baselines of figures.py; what they are where dark is preferred."""

FONT = "'DejaVu Sans',Verdana,Arial,sans-serif"
HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
NOISE = (
    (re.compile(r"<metadata>.*?</metadata>", re.DOTALL), ""),
    (re.compile(r"<!--.*?-->", re.DOTALL), ""),
    (re.compile(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", re.DOTALL), ""),
    (re.compile(r"<g id=\"[^\"]*\""), "<g"),  # nothing refers to groups
    (re.compile(r" transform=\"rotate\(-?0 [^)]*\)\""), ""),
    (re.compile(r"font-family: [^;\"]*;?\s*"), ""),
    (re.compile(r"(?<=style=\")font: (?:\w+ )?([\d.]+px) [^;\"]*"), r"font-size: \1"),
    (re.compile(r">\s+<"), "><"),
    (re.compile(r"\s*\n\s*"), " "),
)
IN_TAGS = (
    (re.compile(r"(?<=[a-z]): "), ":"),
    (re.compile(r"; (?=[a-z-]+:)"), ";"),
    (re.compile(r"(\d+\.\d\d)\d+"), r"\1"),
    (re.compile(r"(\d)\.0+(?=[^\d])"), r"\1"),
)
TAG = re.compile(r"<[^>]+>")


def slim(svg: str, title: str) -> str:
    """The same picture in a third of the bytes, with a name for those who cannot see it.

    Where the reader prefers dark, ink, lines and paper change together: nothing becomes unreadable
    where that wish is not known.
    """
    body = HEAD.sub("", svg)
    for pattern, instead in NOISE:
        body = pattern.sub(instead, body)
    body = TAG.sub(_shorter, without_empty_groups(body))
    opening, rest = re.split(r"(?<=>)", body, maxsplit=1)
    opening = opening[:-1] + f' font-family="{FONT}" role="img">'
    return f"{opening}<title>{escape(title)}</title><style>{dark_rules()}</style>{rest}\n"


def without_empty_groups(body: str) -> str:
    """Groups without attributes change nothing: only what is in them stays."""
    kept: list[str] = []
    opened: list[bool] = []  # of each group that is open, whether it stays
    for piece in re.split(r"(<g\b[^>]*>|</g>)", body):
        if piece == "</g>":
            kept.append(piece if opened.pop() else "")
        elif re.fullmatch(r"<g\b[^>]*/>", piece):
            continue
        elif re.fullmatch(r"<g\b[^>]*>", piece):
            opened.append(piece != "<g>")
            kept.append(piece if opened[-1] else "")
        else:
            kept.append(piece)
    return "".join(kept)


def _shorter(tag: re.Match[str]) -> str:
    """A tag with less in it; text outside of tags stays as it is."""
    short = tag[0]
    for pattern, instead in IN_TAGS:
        short = pattern.sub(instead, short)
    return short


def dark_rules() -> str:
    """CSS that matches the inline styles that matplotlib writes; a page needs it only once."""
    rules = "".join(
        f'[style*="{what}:{light}"]{{{what}:{dark}!important}}'
        for light, dark in DARK
        for what in ("fill", "stroke")
    )
    return f"@media(prefers-color-scheme:dark){{{rules}}}"
