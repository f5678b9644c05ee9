"""Draws charts as inline SVG. Text is kept as text, and colours are CSS variables, for dark mode."""

import io
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

# Matplotlib needs real colours. These placeholders are replaced in the SVG by the variables of the page.
_INK, _RULE, _MUTED = "#010101", "#020202", "#030303"
_SERIES = ("#040404", "#050505", "#060606", "#070707")
_CSS = {_INK: "currentColor", _RULE: "var(--rule)", _MUTED: "var(--muted)"}
_CSS |= {color: f"var(--series-{k})" for k, color in enumerate(_SERIES, start=1)}
_LINES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D")

# Inches of 72 user units. About the width of a phone, so that text is legible there.
_SIZE = (4.9, 3.1)
_LABEL = 24  # characters in a line of a row's label; longer ones are wrapped to leave space for the chart
_STYLE: Any = {  # Any: Matplotlib's stubs want each key as a literal
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9.5,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _RULE,
    "grid.linewidth": 0.7,
    "text.color": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
}


def iou_curve(thresholds: Sequence[float], f1: np.ndarray, ap: np.ndarray) -> str:
    """Draw F1 and AP over the IoU threshold.

    thresholds   T IoU thresholds, ascending
    f1, ap       (images, T) float, without NaN: the means are drawn, and for F1 the middle half of images
    """
    low, high = np.percentile(f1, (25, 75), axis=0)
    mean = f1.mean(axis=0)
    with matplotlib.rc_context(_STYLE):
        figure, axes = _axes("IoU threshold", "")
        band = "F1, middle half of images"
        axes.fill_between(thresholds, low, high, color=_SERIES[0], alpha=0.16, linewidth=0, label=band)
        axes.plot(thresholds, mean, color=_SERIES[0], marker="o", label="F1, mean")
        axes.plot(thresholds, ap.mean(axis=0), color=_SERIES[1], marker="s", linestyle="--", label="AP, mean")
        axes.set_ylim(0, 1.02)
        axes.set_xticks([0.5, 0.6, 0.7, 0.8, 0.9])
        _legend(axes)
        return _svg(
            figure,
            "iou-curve",
            f"F1 over the IoU threshold: {mean[0]:.3f} at {thresholds[0]:.2f}, "
            f"{mean[-1]:.3f} at {thresholds[-1]:.2f}",
        )


def image_strip(pq: Sequence[float], interval: tuple[float, float, float], marks: dict[str, float]) -> str:
    """Draw the PQ of every image from worst to best, with the mean and its interval.

    interval   mean, low, high; NaN ends are not drawn
    marks      label -> PQ of the images shown in full below
    """
    values = sorted(v for v in pq if not math.isnan(v))
    ranks = list(range(1, len(values) + 1))
    mean, low, high = interval
    with matplotlib.rc_context(_STYLE):
        figure, axes = _axes("images, from worst to best", "PQ")
        if not math.isnan(low):
            band = "95 % interval of the mean"
            axes.axhspan(low, high, color=_SERIES[0], alpha=0.16, linewidth=0, label=band)
        axes.axhline(mean, color=_SERIES[0], label="mean")
        axes.plot(ranks, values, "o", color=_SERIES[1], markersize=4.5, label="one image")
        for label, value in marks.items():
            rank = values.index(value) + 1
            right = rank < len(values)  # the values rise, so the space to the lower right is free
            axes.annotate(
                label,
                (rank, value),
                xytext=(6 if right else 3, -5),
                textcoords="offset points",
                ha="left" if right else "right",
                va="top",
            )
        axes.set_xticks([])
        axes.set_ylim(max(0.0, min(values) - 0.1), min(1.02, max(values) + 0.1))
        _legend(axes)
        title = f"PQ of {len(values)} images: from {values[0]:.3f} to {values[-1]:.3f}, mean {mean:.3f}"
        return _svg(figure, "image-strip", title)


def line_chart(
    name: str, title: str, x: Sequence[float], series: Mapping[str, Sequence[float]], unit: str = ""
) -> str:
    """Draw one line per series over the epochs. NaN values are skipped, and the first series is the boldest.

    name     id of the chart in the page
    title    text for screen readers, before the last value of each series
    series   label -> values; a series without any number is left out
    unit     label of the vertical axis
    """
    points = {
        label: [(a, v) for a, v in zip(x, values, strict=True) if math.isfinite(v)]
        for label, values in series.items()
    }
    points = {label: pairs for label, pairs in points.items() if pairs}
    with matplotlib.rc_context(_STYLE):
        figure, axes = _axes("epoch", unit)
        for k, (label, pairs) in enumerate(points.items()):
            xs, ys = zip(*pairs, strict=True)
            axes.plot(
                xs,
                ys,
                color=_SERIES[k % len(_SERIES)],
                linestyle=_LINES[k % len(_LINES)],
                linewidth=2.0 if k == 0 else 1.4,
                marker=_MARKERS[k % len(_MARKERS)] if len(xs) <= 30 else None,
                label=label,
            )
        every = [v for pairs in points.values() for _, v in pairs]
        if every and min(every) > 0 and max(every) / min(every) > 50:
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(NullFormatter())
        elif every and min(every) >= 0:
            axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        if len(points) > 1:
            _legend(axes)
        last = ", ".join(f"{label} {pairs[-1][1]:.3g}" for label, pairs in points.items())
        return _svg(figure, name, f"{title}; at the end: {last}")


def level_curve(
    name: str,
    title: str,
    levels: Sequence[float],
    ticks: Sequence[str],
    series: Mapping[str, Sequence[tuple[float, ...]]],
    unit: str,
    neutral: float,
    log: bool,
) -> str:
    """Draw scores over the level of a corruption, each with the band of its interval.

    name     id of the chart in the page
    title    text for screen readers, before the first and last values
    ticks    text of each level
    series   label -> (mean, low, high) at each level
    unit     label of the horizontal axis
    neutral  the level that changes nothing; a dotted line marks it
    log      whether the axis is logarithmic
    """
    with matplotlib.rc_context(_STYLE):
        figure, axes = _axes(unit, "")
        if log:
            axes.set_xscale("log", base=2)
        axes.axvline(neutral, color=_MUTED, linewidth=1, linestyle=":")
        for k, (label, values) in enumerate(series.items()):
            mean, low, high = zip(*values, strict=True)
            axes.fill_between(levels, low, high, color=_SERIES[k], alpha=0.16, linewidth=0)
            axes.plot(levels, mean, color=_SERIES[k], linestyle=_LINES[k], marker=_MARKERS[k], label=label)
        axes.set_ylim(0, 1.02)
        axes.set_xticks(list(levels), list(ticks))
        axes.xaxis.set_minor_formatter(NullFormatter())
        _legend(axes)
        ends = "; ".join(
            f"{label} {values[0][0]:.3f} at {ticks[0]}, {values[-1][0]:.3f} at {ticks[-1]}"
            for label, values in series.items()
        )
        return _svg(figure, name, f"{title}, {unit}: {ends}")


def interval_chart(
    name: str,
    title: str,
    rows: Mapping[str, tuple[float, float, float]],
    dots: Mapping[str, Sequence[float]],
    unit: str,
    zero: bool = False,
) -> str:
    """Draw a point with its interval for each row, from top to bottom.

    name    id of the chart in the page
    title   text for screen readers, before the values
    rows    label -> value, low, high; a row without a value stays empty, NaN ends are not drawn
    dots    label -> values drawn as small dots, such as those of single seeds
    unit    label of the horizontal axis
    zero    whether a line marks 0
    """
    with matplotlib.rc_context(_STYLE):
        names = [textwrap.fill(label, _LABEL) for label in rows]
        tallest = max((text.count("\n") + 1 for text in names), default=1)
        figure, axes = _axes(unit, "", 0.75 + (0.17 + 0.17 * tallest) * len(rows))
        if zero:
            axes.axvline(0, color=_MUTED, linewidth=1)
        for at, (label, (value, low, high)) in enumerate(rows.items()):
            axes.plot([low, high], [at, at], color=_SERIES[0], linewidth=2.2, solid_capstyle="butt")
            axes.plot(
                dots.get(label, []), [at] * len(dots.get(label, [])), "o", color=_SERIES[1], markersize=3
            )
            axes.plot([value], [at], "o", color=_SERIES[0], markersize=6)
        axes.set_yticks(range(len(rows)), names)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.spines["left"].set_visible(False)
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        spoken = [
            f"{label} {value:.3f}" + ("" if math.isnan(low) else f" ({low:.3f} to {high:.3f})")
            for label, (value, low, high) in rows.items()
        ]
        return _svg(figure, name, f"{title}: {'; '.join(spoken)}")


def _axes(xlabel: str, ylabel: str, height: float = _SIZE[1]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_SIZE[0], height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.tick_params(which="both", length=0)
    axes.grid(False, axis="x")
    return figure, axes


def _legend(axes: Axes) -> None:
    """Add a legend above the axes, where it does not cover the chart."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=4, columnspacing=1.4)


def _svg(figure: Figure, name: str, title: str) -> str:
    """Return the figure as one <svg> element whose ids start with `name`. Equal input gives equal text."""
    buffer = io.StringIO()
    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    # Metadata contains external addresses, and a <style> in inline SVG would apply to the whole page.
    text = re.sub(r"<metadata>.*?</metadata>|<style\b.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    # Several charts share the page, so every id, and every reference to one, is prefixed by the chart's name.
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = text.replace("url(#", f"url(#{name}-")
    text = text.replace('xlink:href="#', f'href="#{name}-')
    # Use the font of the page instead of the one that Matplotlib used for its layout.
    text = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font-size: \1", text)
    text = re.sub(r"font-family: [^;\"]+;?\s*", "", text)
    for stand_in, color in _CSS.items():
        text = text.replace(stand_in, color)
    body = re.split(r"<svg\b[^>]*>", text, maxsplit=1)[1]  # without XML declaration and doctype
    width, height = (72 * side for side in figure.get_size_inches())
    safe = title.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return (
        f'<svg class="chart" role="img" aria-label="{safe}" viewBox="0 0 {width:g} {height:g}">{body}'.strip()
    )
