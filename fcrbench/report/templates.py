"""The templates of the pages, filled in."""

from pathlib import Path
from typing import Any


def fill(template: str, **values: Any) -> str:
    """A page from a template of this folder; text is escaped, an undefined name is an error."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
