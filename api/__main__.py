"""`python3 -m api [verb]`: the command line; without a verb it is `up`. Installed as `catalograph`."""

import sys

from api.bootstrap import enter


def main() -> int:
    """Run one verb; gives the exit status (0 done, 1 findings or refused, 2 a wrong call, 3 a fault)."""
    from api.cli.frame import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    enter("api")
    sys.exit(main())
