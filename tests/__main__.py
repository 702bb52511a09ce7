"""`python3 -m tests`: makes the environment when needed, then runs pytest with the arguments given."""

import os
import sys

from api.bootstrap import CHECKOUT, enter


def main() -> int:
    """Run pytest from the top of the checkout."""
    import pytest

    os.chdir(CHECKOUT)
    return int(pytest.main(sys.argv[1:]))


if __name__ == "__main__":
    enter("tests", "dev")
    sys.exit(main())
