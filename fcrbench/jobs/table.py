"""Does all runs of `fcrbench table`: every method and seed on one data set, with the same training budget."""

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

# The table sets these for each method, so users cannot set them for all methods.
_PER_METHOD_KEYS = ("method", "preset", "options", "seed")
_EXAMPLE = '--methods "fcrnet,fcrnet colors=3"'


@dataclass(frozen=True)
class PlannedRun:
    """One run of a table. `entry` is the method as the user wrote it, such as "fcrnet colors=3"."""

    entry: str
    seed: int
    config: RunConfig

    def __str__(self) -> str:
        return f"{self.entry}, seed {self.seed}"


@dataclass(frozen=True)
class TableRuns:
    """The results of the runs of a table: the folders of finished runs, and a line for each failed run."""

    folders: list[Path]
    failures: list[str]


def parse_entries(text: str) -> list[str]:
    """Return the methods of a comma-separated list without repetitions. "all" stands for every installed one.

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
    """Return the whole numbers of a comma-separated list without repetitions."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--seeds {text!r}: expected whole numbers separated by commas") from None
    return list(dict.fromkeys(found))


def plan_runs(entries: Sequence[str], seeds: Sequence[int], values: Mapping[str, Any]) -> list[PlannedRun]:
    """Return the planned runs: all methods with the first seed, then all methods with the next, and so on.

    values   configuration values for all runs. If they do not set the training budget, it is the default of
             `TrainingConfig`, whatever the presets of the methods say

    Raises UsageError if the user's input is wrong, for example if an option does not exist.
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
    """Describe which budget values of a preset the table replaces; "" for the preset "default"."""
    if config.preset == "default":
        return ""
    replaced = replaced_budget(dataclasses.asdict(config))
    return f", with {'; '.join(replaced)}" if replaced else ""


def _parse(entry: str) -> dict[str, Any]:
    """Parse "fcrnet (paper) colors=3 alpha=[2, 4]" into method, preset and options."""
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
    """Do the planned runs under `folder`. Finished runs are kept, and unfinished ones are continued.

    If a method fails, its traceback is written to failures.txt beside `folder`, and the others go on. A
    method without parameters is run only once, because its result does not depend on the seed. Ctrl-C raises
    FcrbenchError with exit code 130; the same call then continues from there.
    """
    from fcrbench.jobs import run as runs
    from fcrbench.training.engine import InterruptedTrainingError

    if planned:
        runs.read_data(planned[0].config)  # bad data must not be reported as the failure of a method
    finished: dict[str, list[Path]] = {}
    failures, traces = [], []
    for number, item in enumerate(planned, start=1):
        place = f"[{number}/{len(planned)}] {item}"
        if any(not read_run(run).summary.get("parameters") for run in finished.get(item.entry, [])):
            print_line(f"{place}: nothing to train, so one seed is enough")
            continue
        found = list(_find_runs(item.config, folder))
        complete = [
            run for run in found if (run / "report.html").is_file() and not (run / "failed.csv").is_file()
        ]
        if complete:
            print_line(f"{place}: finished in {complete[0]}")
            finished.setdefault(item.entry, []).append(complete[0])
            continue
        print_line(
            f"{place}: {'continuing' if found else 'starting'}{_describe_replaced_budget(item.config)}"
        )
        try:
            with display() as progress:
                done = runs.resume(found[0], progress) if found else runs.start(item.config, folder, progress)
        except InterruptedTrainingError as error:
            stopped = str(error).partition(";")[0]
            interrupted = FcrbenchError(
                f"{item}: {stopped}; nothing is lost, and the same command continues from there"
            )
            interrupted.exit_code = error.exit_code
            raise interrupted from error
        except Exception as error:  # the code of a plug-in may raise any error
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
    # In the user's order of the methods, because the first one is the reference.
    order = dict.fromkeys(item.entry for item in planned)
    return TableRuns([run for entry in order for run in finished.get(entry, [])], failures)


def _find_runs(config: RunConfig, folder: Path) -> Iterator[Path]:
    """Yield the run directories with exactly this configuration, the oldest first."""
    text = config.to_toml()
    for path in sorted(folder.glob("*/config.toml")):
        if path.read_text(encoding="utf-8") == text:
            yield path.parent
