"""A description whose module imports more than it should."""

import matplotlib as matplotlib
from broken_specs import describe

SPEC = describe("Sound")
