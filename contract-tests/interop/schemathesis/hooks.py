"""What no schema can say of a good request, done to those that are meant to be good."""

import os
import re
from itertools import count
from typing import Any

import requests
import schemathesis
from schemathesis import Case, HookContext

keys = count()


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if "cursor" in (case.query or {}):
        seal(case)
    # A key counts once: sent again with another body, it is refused (422), as it must be.
    if key := (case.headers or {}).get("Idempotency-Key"):
        case.headers["Idempotency-Key"] = f'"{next(keys)}"' if key.startswith('"') else str(next(keys))
    # Its phase `coverage` writes 0 for the wrong type of a header, and takes that for a good string, past the pattern.
    for name in ("If-Match", "If-None-Match"):
        if (case.headers or {}).get(name) == "0":
            case.headers[name] = "*"


def seal(case: Case) -> None:
    """Puts a cursor of the very list in the place of one that has but its form: only the server makes them."""
    del case.query["cursor"]
    asked = {name: value for name, value in case.query.items() if name != "limit"}
    token = os.environ["TOKEN"]
    page = requests.get(
        f"{os.environ['BASE_URL']}/api/tasks",
        params=asked | {"limit": 1},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    page.raise_for_status()
    # Where there is no next page, it goes without: tap.py counts how often there was one.
    if cursor := re.search(r"[?&]cursor=([\w-]+)", page.headers.get("Link", "")):
        case.query["cursor"] = cursor[1]
        with open("sealed", "a", encoding="utf-8") as sealed:
            print(cursor[1], file=sealed)
