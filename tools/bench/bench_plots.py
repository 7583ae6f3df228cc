"""Plots as SVG, with nothing but the standard library.

They have no background, and colours that can be read on a light page and on a dark one; texts are in
whatever sans-serif font the reader has.
"""

import math
from xml.sax.saxutils import escape

TEXT, GRID = "#757b85", "#8a8f98"
BLUE, ORANGE, GREY, GREEN = "#2f7fd0", "#d9822b", "#8a8f98", "#3f9a5a"
WIDTH, LEFT, RIGHT, TOP = 760, 190, 90, 58
BAR, GAP = 13, 16  # height of a bar, space between two groups


def number(n):
    """With as many digits as can be seen."""
    if n <= 0 or n >= 100:
        return f"{n:,.0f}"
    return f"{n:.{2 - math.floor(math.log10(n))}f}"


def steps(most):
    """About five round numbers from 0 to MOST or a little beyond."""
    rough = most / 5
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough)
    return [step * i for i in range(math.ceil(most / step) + 1)]


def text(x, y, words, anchor="start", size=12, weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
        f' font-weight="{weight}" fill="{TEXT}">{escape(words)}</text>'
    )


def line(x1, y1, x2, y2, colour=GRID, width=1.0, dashes=""):
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"'
        f' stroke-width="{width}"{dashed}/>'
    )


def legend(names, limit=None):
    parts, x = [], 10
    for name, colour in names:
        parts.append(f'<rect x="{x}" y="32" width="12" height="12" fill="{colour}"/>')
        parts.append(text(x + 17, 42, name))
        x += 17 + 7 * len(name) + 22
    if limit:
        parts.append(line(x + 6, 30, x + 6, 46, TEXT, 2, "4 2"))
        parts.append(text(x + 17, 42, limit))
    return parts


def picture(title, height, parts):
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}"'
        f' width="{WIDTH}" height="{height:.0f}" font-family="sans-serif" role="img">'
    )
    first = [head, f"<title>{escape(title)}</title>", text(10, 20, title, size=14, weight="bold")]
    return "\n".join([*first, *parts, "</svg>"]) + "\n"


def bars(title, unit, names, groups, limit=None):
    """Lying bars in GROUPS of (label, values, limit or None): one value, or None, for each of NAMES,
    which are (name, colour). UNIT is written below the axis; LIMIT is what the limits are called.
    """
    known = [v for _, values, most in groups for v in (*values, most) if v is not None]
    ticks = steps(max(known))
    bottom = TOP + sum(BAR * len(values) + GAP for _, values, _ in groups)

    def at(value):
        return LEFT + value / ticks[-1] * (WIDTH - LEFT - RIGHT)

    parts = legend(names, limit)
    for tick in ticks:
        parts.append(line(at(tick), TOP - 4, at(tick), bottom, GRID, 0.4))
        parts.append(text(at(tick), bottom + 16, f"{tick:g}", "middle"))
    y = TOP + GAP / 2
    for label, values, most in groups:
        parts.append(text(LEFT - 8, y + BAR * len(values) / 2 + 4, label, "end"))
        top = y
        for value, (_, colour) in zip(values, names):
            if value is not None:
                width = max(0, at(value) - LEFT)
                parts.append(
                    f'<rect x="{LEFT}" y="{y:.1f}" width="{width:.1f}" height="{BAR - 2}"'
                    f' fill="{colour}"/>'
                )
                beside = max(at(value), at(most or 0) if at(most or 0) < at(value) + 40 else 0)
                parts.append(text(beside + 5, y + BAR - 3, number(value), size=11))
            y += BAR
        if most is not None:
            parts.append(line(at(most), top - 3, at(most), y + 1, TEXT, 2, "4 2"))
        y += GAP
    parts.append(line(LEFT, TOP - 4, LEFT, bottom, TEXT))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 34, unit, "middle"))
    return picture(title, bottom + 44, parts)


def decades(least, most):
    """1, 2 and 5 times the powers of ten, from what is below LEAST to what is above MOST."""
    exponents = range(math.floor(math.log10(least)) - 1, math.ceil(math.log10(most)) + 1)
    marks = [m * 10.0**e for e in exponents for m in (1, 2, 5)]
    first = max(i for i, mark in enumerate(marks) if mark <= least)
    last = min(i for i, mark in enumerate(marks) if mark >= most)
    return marks[first : last + 1]


def lines(title, unit, across, names, series):
    """A line for each of SERIES: its values at the places ACROSS, on a logarithmic scale. NAMES are
    (name, colour)."""
    known = [v for values in series for v in values if v]
    ticks = decades(min(known), max(known))
    left, bottom, top = 70, 330, TOP + 6
    low, span = math.log10(ticks[0]), math.log10(ticks[-1] / ticks[0]) or 1

    def at(i, value):
        x = left + 40 + i * (WIDTH - left - RIGHT - 40) / (len(across) - 1)
        return x, bottom - (math.log10(value) - low) / span * (bottom - top)

    parts = legend(names)
    for tick in ticks:
        y = at(0, tick)[1]
        parts.append(line(left, y, WIDTH - RIGHT / 2, y, GRID, 0.4))
        parts.append(text(left - 8, y + 4, f"{tick:g}", "end"))
    for i, name in enumerate(across):
        parts.append(text(at(i, ticks[0])[0], bottom + 18, name, "middle"))
    for values, (_, colour) in zip(series, names):
        places = [at(i, value) for i, value in enumerate(values) if value]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        for x, y in places:
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
    parts.append(line(left, top, left, bottom, TEXT))
    middle = (top + bottom) / 2
    parts.append(f'<g transform="rotate(-90 18 {middle:.0f})">{text(18, middle, unit, "middle")}</g>')
    return picture(title, bottom + 32, parts)
