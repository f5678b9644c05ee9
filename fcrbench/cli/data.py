"""`fcrbench data`."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

data = App(name="data", help="Fetch public data sets.")


@data.command
def fetch(
    name: str,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("data"),
    z: int = 16,
    base_url: str | None = None,
) -> None:
    """Download a public data set. An interrupted download continues where it stopped.

    Example: fcrbench data fetch bbbc039 -o data

    Parameters
    ----------
    name
        Name of the data set: bbbc006, bbbc039 or dsb2018.
    output
        Folder in which the folder of the data set is created.
    z
        Focal plane of bbbc006, 0 to 33. Plane 16 is in focus. Other data sets ignore it.
    base_url
        URL of a mirror to download from instead of the publisher.
    """
    from fcrbench.datasets.fetch import fetch as fetch_dataset
    from fcrbench.text import printable

    folder = fetch_dataset(name, output, base_url, z=z)
    place = printable(folder)
    print(f"{name} is in {place}; use it with: fcrbench run --dataset {name} --root {place}")
