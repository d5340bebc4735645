"""What the generated types must be. Checked by mypy, never run."""

from datetime import datetime
from typing import Any, assert_type

from todo import AuthenticatedClient
from todo.api.tasks import create_task, delete_task, list_tasks
from todo.models import NewTask, Problem, Task, TaskPatch, ValidationProblem
from todo.types import Response


def fields(task: Task, problem: Problem, refused: ValidationProblem) -> None:
    assert_type(task.id, int)
    assert_type(task.title, str)
    assert_type(task.description, str | None)
    assert_type(task.completed, bool)
    assert_type(task.created_at, datetime)
    assert_type(problem.detail, str)
    assert_type(refused.errors[0].detail, str)


def bodies(now: datetime) -> None:
    NewTask(title="x")
    NewTask()  # type: ignore[call-arg]
    NewTask(title="x", completed=None)  # type: ignore[arg-type]
    TaskPatch(description=None)
    TaskPatch(title=None)  # type: ignore[arg-type]
    Task(id=1, user_id="u", title="x", description=None, completed=False, created_at=now, updated_at=now)
    Task(id=1, user_id="u", title="x", completed=False, created_at=now, updated_at=now)  # type: ignore[call-arg]


def answers(client: AuthenticatedClient) -> None:
    body = NewTask(title="x")
    # A 304 has no body, for which the generator has no better word than Any.
    listed = list_tasks.sync_detailed(client=client).parsed
    assert_type(listed, Any | Problem | ValidationProblem | list[Task] | None)
    assert_type(create_task.sync_detailed(client=client, body=body).parsed, Task | Problem | ValidationProblem | None)
