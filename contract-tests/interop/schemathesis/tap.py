"""Tells a report of schemathesis as TAP: what has to hold of it, and where it does not."""

import json
import sys
from collections.abc import Iterator
from typing import Any

# On each of the two databases.
LEAST_CASES = 3000


def checks(report: Any, sealed: int) -> Iterator[tuple[str, Any]]:
    """Each check by name, with what speaks against it."""
    operations = report["operations"]
    yield f"all {operations['total']} operations are tested", operations["tested"] != operations["total"] or None
    cases = report["test_cases"]["generated"]
    yield f"{cases} cases, of {LEAST_CASES} at least", cases < LEAST_CASES or None
    yield f"{sealed} of them with a cursor that the server made, of 1 at least", sealed == 0 or None
    for name in ["examples", "coverage", "fuzzing", "stateful"]:
        phase = report["phases"][name]
        yield f"the phase {name} succeeds", phase if phase["status"] != "success" else None
    yield "no check fails", report["failures"]
    yield "nothing stands in the way of a test", report["errors"]
    yield "nothing is warned of", {name: places for name, places in report["warnings"].items() if places}
    yield "it ends well", report["exit_code"] or (not report["complete"]) or None


number = 0
with open(sys.argv[1], encoding="utf-8") as file, open(sys.argv[2], encoding="utf-8") as sealed:
    for number, (name, against) in enumerate(checks(json.load(file), len(sealed.readlines())), start=1):
        print(f"{'not ok' if against else 'ok'} {number} - {name}")
        if against and against is not True:
            print("\n".join(f"# {line}" for line in json.dumps(against, indent=2).splitlines()))
print(f"1..{number}")
