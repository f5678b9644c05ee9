"""Every run that a table needs: all methods and seeds on one data set, with the same budget of images."""

import dataclasses
import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcrbench.comparison.labels import BUDGET, replaced_budget
from fcrbench.config import RunConfig, TrainingConfig, merge
from fcrbench.config.settings import nest_value, parse_setting
from fcrbench.errors import FcrbenchError, UsageError, describe_error
from fcrbench.evaluation.record import read_run
from fcrbench.jobs.configure import configure
from fcrbench.methods import registry
from fcrbench.work.atomic import write_text

if TYPE_CHECKING:
    from fcrbench.training.engine import Progress

# Given by the table itself, for each method.
_PER_METHOD_KEYS = ("method", "preset", "options", "seed")
_EXAMPLE = '--methods "fcrnet,fcrnet colors=3"'


@dataclass(frozen=True)
class PlannedRun:
    """One run of a table: `entry` is what the user wrote, "fcrnet colors=3"."""

    entry: str
    seed: int
    config: RunConfig

    def __str__(self) -> str:
        return f"{self.entry}, seed {self.seed}"


@dataclass(frozen=True)
class TableRuns:
    """What came of a table's runs: the folders of those that are finished, and a line for each failure."""

    folders: list[Path]
    failures: list[str]


def parse_entries(text: str) -> list[str]:
    """The methods of a comma-separated list, "all" being every installed one; each once.

    A method may be followed by its preset and by options: "fcrnet,fcrnet (paper),fcrnet colors=3".
    """
    found: list[str] = []
    for part in re.split(r",(?![^\[]*\])", text):
        entry = " ".join(part.split())
        found += registry.available() if entry == "all" else [entry]
    if not all(found):
        raise UsageError(f"--methods {text!r}: expected names separated by commas")
    return list(dict.fromkeys(found))


def parse_seeds(text: str) -> list[int]:
    """The whole numbers of a comma-separated list; each once."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--seeds {text!r}: expected whole numbers separated by commas") from None
    return list(dict.fromkeys(found))


def plan_runs(entries: Sequence[str], seeds: Sequence[int], values: Mapping[str, Any]) -> list[PlannedRun]:
    """The runs to make, one seed of all methods after the other.

    values   of the configuration, for all; those of the training budget that are not given are the defaults
             of `TrainingConfig`, whatever the methods' presets say

    Raises UsageError for what is wrong with the user's own words, such as an option that does not exist.
    """
    for key in _PER_METHOD_KEYS:
        if key in values:
            raise UsageError(
                f"{key} cannot be set for all methods; write it after a method, as in {_EXAMPLE}"
            )
    budget = {key: getattr(TrainingConfig, key) for key in BUDGET}
    values = merge({"training": budget}, values)
    return [
        PlannedRun(entry, seed, configure(merge(merge(_parse(entry), values), {"seed": seed})))
        for seed in seeds
        for entry in entries
    ]


def _describe_replaced_budget(config: RunConfig) -> str:
    """What a preset other than the default says of its budget, where the table's replaces it."""
    if config.preset == "default":
        return ""
    replaced = replaced_budget(dataclasses.asdict(config))
    return f", with {'; '.join(replaced)}" if replaced else ""


def _parse(entry: str) -> dict[str, Any]:
    """Method, preset and options of "fcrnet (paper) colors=3 alpha=[2, 4]"."""
    matched = re.fullmatch(r"(\S+)(?: \((\S+)\))?((?: \w+=(?:\[[^\]]*\]|\S+))*)", entry)
    if not matched:
        raise UsageError(f"--methods {entry!r}: expected NAME, (PRESET) and OPTION=VALUE, as in {_EXAMPLE}")
    name, preset, options = matched.groups()
    parsed: dict[str, Any] = {"method": name, "preset": preset or "default"}
    for text in re.findall(r"\w+=(?:\[[^\]]*\]|\S+)", options):
        parsed = merge(parsed, nest_value(*parse_setting(f"options.{text}")))
    return parsed


def make_runs(
    planned: Sequence[PlannedRun],
    folder: Path,
    display: "Callable[[], AbstractContextManager[Progress]]",
    print_line: Callable[[str], None],
) -> TableRuns:
    """Make the runs under `folder`; those finished there are kept, unfinished ones are gone on with.

    A method that fails is left, with its traceback in failures.txt beside `folder`, and the others go on. One
    without parameters is run once, as a seed changes nothing. Raises FcrbenchError with exit code 130 on
    Ctrl-C; the same call goes on from there.
    """
    from fcrbench.jobs import run as runs
    from fcrbench.training.engine import InterruptedTrainingError

    if planned:
        runs.read_data(planned[0].config)  # what is wrong with the data is no method's failure
    finished: dict[str, list[Path]] = {}
    failures, traces = [], []
    for number, item in enumerate(planned, start=1):
        place = f"[{number}/{len(planned)}] {item}"
        if any(not read_run(run).summary.get("parameters") for run in finished.get(item.entry, [])):
            print_line(f"{place}: nothing to train, the first seed stands for all")
            continue
        found = list(_find_runs(item.config, folder))
        complete = [
            run for run in found if (run / "report.html").is_file() and not (run / "failed.csv").is_file()
        ]
        if complete:
            print_line(f"{place}: finished in {complete[0]}")
            finished.setdefault(item.entry, []).append(complete[0])
            continue
        print_line(f"{place}: {'going on' if found else 'starting'}{_describe_replaced_budget(item.config)}")
        try:
            with display() as progress:
                done = runs.resume(found[0], progress) if found else runs.start(item.config, folder, progress)
        except InterruptedTrainingError as error:
            stopped = str(error).partition(";")[0]
            interrupted = FcrbenchError(
                f"{item}: {stopped}; nothing is lost, the same command goes on from there"
            )
            interrupted.exit_code = error.exit_code
            raise interrupted from error
        except Exception as error:  # the code of a plug-in may fail in any way
            failures.append(f"{item}: {describe_error(error)}")
            traces.append(f"{item}\n{traceback.format_exc()}")
            print_line(f"{place}: failed: {describe_error(error)}")
        else:
            finished.setdefault(item.entry, []).append(done)
    log = folder.parent / "failures.txt"
    if traces:
        write_text(log, "\n".join(traces))
    else:
        log.unlink(missing_ok=True)
    # By method as the user wrote them, so that the first is the reference.
    order = dict.fromkeys(item.entry for item in planned)
    return TableRuns([run for entry in order for run in finished.get(entry, [])], failures)


def _find_runs(config: RunConfig, folder: Path) -> Iterator[Path]:
    """Run directories of this very configuration, the oldest first."""
    text = config.to_toml()
    for path in sorted(folder.glob("*/config.toml")):
        if path.read_text(encoding="utf-8") == text:
            yield path.parent
