"""What every generated client of Python is put through: run by pytest beside the peer's own `adapter`."""

import os
from typing import Any

import pytest
from adapter import client_with
from contract import Answer

MISSING = 2**53 - 1

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


def data(answer: Answer, status: int) -> Any:
    assert (answer.status, answer.problem) == (status, None)
    return answer.data


def problem(answer: Answer, status: int) -> Any:
    assert (answer.status, answer.data) == (status, None)
    assert answer.problem["status"] == status
    assert answer.problem["title"] and answer.problem["detail"] and answer.problem["request_id"]
    return answer.problem
