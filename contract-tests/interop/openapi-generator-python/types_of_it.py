"""What the generated types must be. Checked by mypy, never run."""

from datetime import datetime
from typing import assert_type

from todo import ApiResponse, NewTask, Problem, Task, TaskPatch, TasksApi, ValidationProblem


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
    TaskPatch(description=None)
    Task(id=1, user_id="u", title="x", description=None, completed=False, created_at=now, updated_at=now)
    Task(id=1, user_id="u", title="x", completed=False, created_at=now, updated_at=now)  # type: ignore[call-arg]


def answers(api: TasksApi) -> None:
    # Failures are raised; the adapter holds what they carry against the models of the problems.
    assert_type(api.list_tasks_with_http_info(), ApiResponse[list[Task]])
    assert_type(api.create_task_with_http_info(NewTask(title="x")), ApiResponse[Task])
    assert_type(api.delete_task_with_http_info(1), ApiResponse[None])
