"""Pages, tables, figures and pictures: `report.html`, comparisons, overlays with outlines."""

from fcrbench.report.html import write_report
from fcrbench.report.outlines import overlay

__all__ = ["overlay", "write_report"]
