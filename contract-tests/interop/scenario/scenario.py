"""What every generated client of Python is put through: run by pytest beside the peer's own `adapter`."""

import os
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from adapter import client_with
from contract import Answer

MISSING = 2**53 - 1

MANY = 2500
"""How many tasks the runner has given to the user of `MANY_TOKEN`."""
LIMIT = 100

ann = client_with(os.environ["TOKEN"])
bob = client_with(os.environ["OTHER_TOKEN"])


@pytest.fixture
def task() -> Any:
    return data(ann.create(title="Buy milk ✓", description="Two litres"), 201)


def test_a_task_is_created(task: Any) -> None:
    assert (task["title"], task["description"], task["completed"]) == ("Buy milk ✓", "Two litres", False)
    assert task["created_at"] == task["updated_at"]


def test_it_is_listed(task: Any) -> None:
    assert task in data(ann.list(), 200)


def test_it_is_got(task: Any) -> None:
    assert data(ann.get(task["id"]), 200) == task


def test_only_what_is_sent_is_updated(task: Any) -> None:
    updated = data(ann.update(task["id"], completed=True), 200)
    assert updated == task | {"completed": True, "updated_at": updated["updated_at"]}


def test_a_description_is_cleared_by_null(task: Any) -> None:
    assert data(ann.update(task["id"], description=None), 200)["description"] is None


def test_a_task_without_a_description_has_null_for_one() -> None:
    assert data(ann.create(title="bare"), 201)["description"] is None


def test_it_is_toggled(task: Any) -> None:
    assert data(ann.toggle(task["id"]), 200)["completed"] is True
    assert data(ann.toggle(task["id"]), 200)["completed"] is False


def test_2500_tasks_are_paged_through_each_seen_once_and_in_order() -> None:
    many = client_with(os.environ["MANY_TOKEN"])
    ids: list[int] = []
    page: dict[str, Any] | None = {"limit": LIMIT}
    pages = 0
    while page:
        answer = many.list(**page)
        ids += [task["id"] for task in data(answer, 200)]
        pages += 1
        assert pages < MANY, "it comes to an end"
        page = following(answer.link)
    assert (pages, len(set(ids))) == (MANY // LIMIT, MANY)
    assert ids == sorted(ids)


def test_another_user_does_not_find_it(task: Any) -> None:
    assert data(bob.list(), 200) == []
    problem(bob.get(task["id"]), 404)


def test_it_is_deleted_once(task: Any) -> None:
    answer = ann.delete(task["id"])
    assert (answer.status, answer.problem) == (204, None)
    problem(ann.delete(task["id"]), 404)


def test_a_missing_task_is_a_problem_of_404() -> None:
    problem(ann.get(MISSING), 404)
    problem(ann.update(MISSING, title="x"), 404)
    problem(ann.toggle(MISSING), 404)


def test_a_value_at_fault_is_a_problem_of_422_that_names_it() -> None:
    refused = problem(ann.create(title=""), 422)
    assert [fault["pointer"] for fault in refused["errors"]] == ["/title"]
    assert "200" in refused["errors"][0]["detail"]


def test_no_token_is_a_problem_of_401() -> None:
    nobody = client_with(None)
    problem(nobody.list(), 401)
    problem(nobody.create(title="x"), 401)
    problem(nobody.delete(1), 401)


def test_an_expired_token_is_a_problem_of_401_that_says_so() -> None:
    assert "expired" in problem(client_with(os.environ["EXPIRED_TOKEN"]).list(), 401)["detail"]


def following(link: str | None) -> dict[str, Any] | None:
    """The page that the link leads to; none after the last page."""
    if link is None:
        return None
    target = re.fullmatch(r'<([^>]+)>; rel="next"', link)
    assert target, link
    query = parse_qs(urlsplit(target[1]).query)
    return {"limit": int(query["limit"][0]), "cursor": query["cursor"][0]}


def data(answer: Answer, status: int) -> Any:
    assert (answer.status, answer.problem) == (status, None)
    return answer.data


def problem(answer: Answer, status: int) -> Any:
    assert (answer.status, answer.data) == (status, None)
    assert answer.problem["status"] == status
    assert answer.problem["title"] and answer.problem["detail"] and answer.problem["request_id"]
    return answer.problem
