"""Writes a comparison as Markdown, LaTeX, CSV and HTML to a folder, and shows it in a terminal."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcrbench.comparison.rows import Comparison, Estimate, Row
from fcrbench.datasets.base import Dataset
from fcrbench.report import published
from fcrbench.report.comparison import (
    Block,
    differences_block,
    join_blocks,
    measured_blocks,
    notes,
    published_block,
    title,
)
from fcrbench.report.tables import TABLE_1_SCORES, Score
from fcrbench.text import to_unicode
from fcrbench.work.atomic import write_table, write_text
from fcrbench.work.failures import Failures
from fcrbench.work.outputs import check_output_folder, check_outputs

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

_FILES = ("table.md", "table.tex", "table.csv", "table.html", "failed.csv", "failed.log")
_LABEL_WIDTH, _GAP = 14, 2  # characters for a long label in a terminal, and between columns
_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "\N{EN DASH}": "--",
    "\N{MINUS SIGN}": "$-$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{SUPERSCRIPT TWO}": "$^2$",
    "\N{HORIZONTAL ELLIPSIS}": r"\,\ldots\,",
}


def markdown(comparison: Comparison) -> str:
    """Return Markdown for a README: one wide table, the differences, and the published rows as a table."""
    parts = [f"**{_markdown_text(title(comparison))}**"]
    parts += [_markdown_table(join_blocks(measured_blocks(comparison)))]
    parts += ["\n".join(f"- {_markdown_text(note)}" for note in notes(comparison))]
    for block in _extra_blocks(comparison):
        parts += [f"**{_markdown_text(block.title)}**", _markdown_table(block), _markdown_text(block.note)]
    return "\n\n".join(parts) + "\n"


def latex(comparison: Comparison) -> str:
    """Return LaTeX floats for `\\input`. They need the packages booktabs and graphicx."""
    caption = " ".join(notes(comparison))
    floats = [_latex_table(join_blocks(measured_blocks(comparison)), caption)]
    floats += [_latex_table(block, f"{block.title}. {block.note}") for block in _extra_blocks(comparison)]
    return "% \\usepackage{booktabs,graphicx}\n" + "\n".join(floats)


def frame(comparison: Comparison) -> "pd.DataFrame":
    """Return one row per method, followed by the published rows (see "source"), with unrounded numbers.

    The columns of a score are NAME, NAME_low, NAME_high, NAME_sd (over seeds), and NAME_difference with its
    _low and _high. Missing values are blank.
    """
    import pandas as pd

    where = {"source": "measured", "data": comparison.dataset, "split": comparison.split}
    rows = [where | {"images": comparison.n_images} | _row_values(row) for row in comparison.rows]
    theirs = [
        {"source": "published", "data": published.DATASET, "images": published.IMAGES, "label": row.method}
        | {"parameters": round(row.parameters * 1e6)}
        | {name: getattr(row, name) for name in TABLE_1_SCORES}
        for row in published.TABLE_1
    ]
    table = pd.DataFrame(rows + theirs)
    whole = ("images", "parameters", "training_crops", "training_crop_px")
    return table.astype(dict.fromkeys(whole, "Int64"))


def show(comparison: Comparison, console: "Console") -> None:
    """Print the tables. Wide ones are split to the width of the console."""
    from rich.padding import Padding

    console.print(title(comparison), highlight=False)
    for block in [*measured_blocks(comparison), *_extra_blocks(comparison)]:
        for number, part in enumerate(_split_to_width(block, console.width)):
            console.print(_terminal_table(part, block.title if number == 0 else None))
        if block.note:
            console.print(Padding(block.note, (0, 1)), highlight=False, markup=False)
    console.print()
    for note in notes(comparison):
        console.print(Padding(note, (0, 1)), highlight=False, markup=False)


def check_folder(folder: Path, runs: Sequence[Path]) -> None:
    """Raise UsageError if a file that `write` writes to `folder` belongs to one of the runs."""
    check_output_folder(folder, runs)
    check_outputs([folder / name for name in _FILES], (path for run in runs for path in run.rglob("*")))


def write(comparison: Comparison, dataset: Dataset, folder: Path) -> None:
    """Write table.md, table.tex, table.csv and table.html.

    Raises DataError after all files are written if the page cannot show some fields; failed.csv lists them.
    """
    from fcrbench.report.comparison_page import choose_fields, render

    failures = Failures(folder / "failed.csv")
    page = render(comparison, dataset, failures)
    write_text(folder / "table.md", markdown(comparison))
    write_text(folder / "table.tex", latex(comparison))
    write_table(folder / "table.csv", frame(comparison))
    write_text(folder / "table.html", page)
    failures.finish(len(choose_fields(comparison)), "shown")


def _extra_blocks(comparison: Comparison) -> list[Block]:
    return [block for block in (differences_block(comparison), published_block()) if block]


def _row_values(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {
        "label": row.label,
        "method": row.method,
        "preset": row.runs[0].config.get("preset", ""),
        "seeds": " ".join(map(str, row.seeds)),
        "parameters": row.parameters,
        "training_crops": row.crops,
        "training_crop_px": row.crop if row.crops else None,
        "training_seconds": row.seconds,
        "network_images_per_second": row.speed("network"),
        "postprocess_images_per_second": row.speed("postprocess"),
    }
    for name, found in row.scores.items():
        values |= _interval_columns(name, found) | {f"{name}_sd": found.spread}
    for name, found in row.differences.items():
        values |= _interval_columns(f"{name}_difference", found)
    return values | {"runs": to_unicode(" ".join(str(run.path) for run in row.runs))}


def _interval_columns(name: str, found: Estimate) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _markdown_table(block: Block) -> str:
    lines = [["Method", *(_markdown_text(heading) for heading, _ in block.columns)]]
    lines.append(["---", *("---:" for _ in block.columns)])
    lines += [[_markdown_text(label), *map(_markdown_cell, cells)] for label, cells in block.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown_cell(score: Score) -> str:
    text = f"**{score.text}**" if score.bold else score.text
    return "<br>".join([text, *_cell_lines(score)[1:]])


def _markdown_text(text: str) -> str:
    for character in "\\|*_<[`":
        text = text.replace(character, f"\\{character}")
    return text


def _latex_table(block: Block, caption: str) -> str:
    """Return a float with one line of values per method, followed by lines of intervals and spreads."""
    lines = [_latex_row(["Method", *(heading for heading, _ in block.columns)]), r"\midrule"]
    for name, cells in block.rows:
        texts = [
            f"\\textbf{{{_latex_text(cell.text)}}}" if cell.bold else _latex_text(cell.text) for cell in cells
        ]
        lines.append(" & ".join([_latex_text(name), *texts]) + r" \\")
        for small in ([cell.interval for cell in cells], [cell.spread for cell in cells]):
            if any(small):
                below = [f"\\scriptsize {_latex_text(text)}" if text else "" for text in small]
                lines.append(" & ".join(["", *below]) + r" \\")
        if any(cell.interval for cell in cells):
            lines.append(r"\addlinespace")
    if lines[-1] == r"\addlinespace":
        lines.pop()
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering",
            f"\\caption{{{_latex_text(caption)}}}",
            r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
            f"\\begin{{tabular}}{{l{'r' * len(block.columns)}}}",
            r"\toprule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table*}",
            "",
        ]
    )


def _latex_row(texts: Sequence[str]) -> str:
    return " & ".join(map(_latex_text, texts)) + r" \\"


def _latex_text(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _split_to_width(block: Block, width: int) -> Iterator[Block]:
    """Split a block into as few tables as possible that fit into `width` characters."""
    room = width - min(_LABEL_WIDTH, max(len(label) for label, _ in block.rows))
    parts: list[list[int]] = [[]]
    used = 0
    for column, (heading, _) in enumerate(block.columns):
        texts = [text for _, cells in block.rows for text in _cell_lines(cells[column])]
        needed = max(map(len, [heading, *texts])) + _GAP
        if parts[-1] and used + needed > room:
            parts.append([])
            used = 0
        parts[-1].append(column)
        used += needed
    for part in parts:
        rows = tuple((label, tuple(cells[column] for column in part)) for label, cells in block.rows)
        yield Block(block.title, tuple(block.columns[column] for column in part), rows)


def _cell_lines(score: Score) -> list[str]:
    return [text for text in (score.text, score.interval, score.spread) if text]


def _terminal_table(block: Block, heading: str | None) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=heading,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("Method", overflow="fold")
    for heading, _ in block.columns:
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for label, cells in block.rows:
        texts = []
        for cell in cells:
            text = Text(cell.text, style="bold" if cell.bold else "")
            for small in _cell_lines(cell)[1:]:
                text.append(f"\n{small}", style="not bold dim")
            texts.append(text)
        table.add_row(Text(label), *texts)
    return table
