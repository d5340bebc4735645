import os
from typing import Any

from contract import Answer
from todo import AuthenticatedClient, Client
from todo.api.tasks import create_task, delete_task, get_task, list_tasks, toggle_task_completion, update_task
from todo.models import NewTask, Problem, Task, TaskPatch, ValidationProblem
from todo.types import Response


def answer(response: Response[Any]) -> Answer:
    match response.parsed:
        case Problem() | ValidationProblem() as problem:
            return Answer(response.status_code, problem=problem.to_dict())
        case Task() as task:
            return Answer(response.status_code, task.to_dict())
        case list() as tasks:
            link = response.headers.get("Link")
            return Answer(response.status_code, [task.to_dict() for task in tasks], link=link)
        case None:
            return Answer(response.status_code)
        case other:
            raise AssertionError(other)


class Adapter:
    def __init__(self, client: AuthenticatedClient) -> None:
        self.client = client

    def list(self, **page: Any) -> Answer:
        return answer(list_tasks.sync_detailed(client=self.client, **page))

    def create(self, **fields: Any) -> Answer:
        return answer(create_task.sync_detailed(client=self.client, body=NewTask(**fields)))

    def get(self, id: int) -> Answer:
        return answer(get_task.sync_detailed(id, client=self.client))

    def update(self, id: int, **fields: Any) -> Answer:
        return answer(update_task.sync_detailed(id, client=self.client, body=TaskPatch(**fields)))

    def toggle(self, id: int) -> Answer:
        return answer(toggle_task_completion.sync_detailed(id, client=self.client))

    def delete(self, id: int) -> Answer:
        return answer(delete_task.sync_detailed(id, client=self.client))


def client_with(token: str | None) -> Adapter:
    base = os.environ["BASE_URL"]
    if token is None:
        # The types demand a token where the document does; who has none has to say so.
        return Adapter(Client(base))  # type: ignore[arg-type]
    return Adapter(AuthenticatedClient(base, token))
