"""Fills the templates of the pages."""

from pathlib import Path
from typing import Any


def fill(template: str, **values: Any) -> str:
    """Render a template of this folder. Text is escaped, and an undefined name is an error."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
