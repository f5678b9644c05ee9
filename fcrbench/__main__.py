"""`python -m fcrbench`."""

import sys

from fcrbench.cli import main

sys.exit(main())
