"""What the Python callers share: checks that run in the order they stand in, the metro's line, and plain comparison."""

import sys
import traceback

SUCCESS = 1
USER_ABORT = -1
GRACEFUL_FAILURE = -2
UNEXPECTED_FAILURE = -3

STATIONS = [
    "Alewife", "Davis Square", "Porter Square", "Harvard", "Central Square", "Kendall Square", "Charles MGH",
    "Park Street", "Downtown Crossing", "South Station", "Broadway", "Andrew Square", "JFK/U Mass", "Savin Hill",
    "Fields Corner", "Shawmut", "Ashmont",
]

# A day on which nothing else happens: event times are the caller's, so the checks bring their own.
MORNING_MS = 1_700_000_000_000


def equal(actual, wanted, what=""):
    if actual != wanted:
        raise AssertionError(f"{what}: {actual!r} instead of {wanted!r}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def succeeded(response):
    """The response, if it is a success."""
    true(response.status == SUCCESS, f"status {response.status}: {response.statusString}")
    return response


def refused(response, status, *words):
    """A refusal with that status, whose text has these words and which brings no tables."""
    equal(response.status, status, response.statusString)
    for word in words:
        true(word.lower() in (response.statusString or "").lower(), f"{word!r} in {response.statusString!r}")


def names(table):
    return [column.name for column in table.columns]


def rows(table):
    """A table's rows as dictionaries."""
    return [dict(zip(names(table), row)) for row in table.tuples]


def scalar(response):
    """The one value of a response that has one table of one row and one column."""
    succeeded(response)
    equal(len(response.tables), 1, "tables")
    (row,) = response.tables[0].tuples
    (value,) = row
    return value


def run(checks):
    """Runs every function whose name begins with check_, in the order of the file; says which failed."""
    failed = []
    for name, check in checks.items():
        if name.startswith("check_"):
            try:
                check()
                print("ok", name, flush=True)
            except Exception:
                failed.append(name)
                traceback.print_exc()
    if failed:
        sys.exit("failed: " + ", ".join(failed))
