"""Text that has to fit into a picture whose fonts are not known: measuring, shortening, wrapping, escaping."""

from __future__ import annotations

from aegisgen.record import Record

# Advance widths in em of DejaVu Sans, the widest of the fonts a browser falls back to, rounded up.
_EM = {
    char: width
    for width, chars in (
        (0.30, "'IJijl"),
        (0.35, " ,./:;\\|"),
        (0.40, "()-[]ft"),
        (0.45, "!r"),
        (0.50, '"*_`'),
        (0.55, "?csz"),
        (0.60, "FLkvxy"),
        (0.65, "$0123456789EPSTYabdeghnopqu{}"),
        (0.70, "ABCKRVXZ"),
        (0.75, "NU"),
        (0.80, "&DGHOQ"),
        (0.85, "#+<=>^w~"),
        (0.90, "M"),
        (1.00, "%@Wm…"),
    )
    for char in chars
}
_OTHER_EM = 1.05
_MONO_EM = 0.61
_BOLD = 1.13
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


class Font(Record):
    """A size in pixels and what else decides how wide a text gets."""

    size: float
    mono: bool = False
    bold: bool = False

    def width(self, text: str) -> float:
        """Return the most pixels that `text` can take."""
        if self.mono:  # a fixed width holds for ASCII; other letters may come from another font
            ems = sum(_MONO_EM if char.isascii() or char == "…" else _OTHER_EM for char in text)
        else:
            ems = sum(_EM.get(char, _OTHER_EM) for char in text) * (_BOLD if self.bold else 1)
        return ems * self.size


def shorten(text: str, room: float, font: Font) -> str:
    """Return `text`, its middle replaced by an ellipsis where it is wider than `room`: names differ at both ends."""
    if font.width(text) <= room:
        return text
    kept = len(text) - 1
    while kept > 1:
        front = (kept + 1) // 2
        candidate = f"{text[:front]}…{text[-(kept - front) :] if kept > front else ''}"
        if font.width(candidate) <= room:
            return candidate
        kept -= 1
    return "…"


def wrap(text: str, room: float, font: Font, lines: int) -> tuple[str, ...]:
    """Return `text` as at most `lines` lines that fit into `room`; what is too long is shortened."""
    result: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and font.width(longer) > room:
            result.append(line)
            line = word
        else:
            line = longer
    if line:
        result.append(line)
    if len(result) > lines:
        result = [*result[: lines - 1], _cut(" ".join(result[lines - 1 :]), room, font)]
    return tuple(shorten(item, room, font) for item in result)


def _cut(text: str, room: float, font: Font) -> str:
    while text and font.width(text + "…") > room:
        text = text[:-1]
    return text.rstrip() + "…"


def escape(text: str) -> str:
    """Return `text` for XML content and attributes; what XML cannot hold becomes a question mark."""
    return "".join(_ESCAPES.get(char, char if char.isprintable() else "?") for char in text)
