"""Starts the operator."""

import sys

from mesoscale_operator.main import main

if __name__ == "__main__":
    sys.exit(main())
