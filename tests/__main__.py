"""`python3 -m tests`: makes the environment when needed, then runs pytest with the arguments given.

Without arguments, and with options alone, the whole suite runs in two to four processes, one for each
processor, file by file; each has servers of its own.
"""

import os
import sys
from pathlib import Path

from api.bootstrap import CHECKOUT, enter, keep_bytecode

PARALLEL = ("-n", str(min(max(os.cpu_count() or 2, 2), 4)), "--dist", "loadfile")


def main() -> int:
    """Run pytest from the top of the checkout."""
    import pytest

    os.chdir(CHECKOUT)
    if sys.prefix != sys.base_prefix:
        keep_bytecode(os.environ, Path(sys.prefix))
    given = sys.argv[1:]
    chosen = any(Path(one.split("::")[0]).exists() for one in given) or {"-n", "-k", "--version"} & set(given)
    return int(pytest.main(given if chosen else [*PARALLEL, *given]))


if __name__ == "__main__":
    enter("tests", "dev")
    sys.exit(main())
