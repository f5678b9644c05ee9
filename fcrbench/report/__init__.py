"""What a run shows: the self-contained `report.html` and pictures with outlines."""

from fcrbench.report.html import write_report
from fcrbench.report.outlines import overlay

__all__ = ["overlay", "write_report"]
