import json
import os
from collections.abc import Callable
from typing import Any

from contract import Answer
from todo import ApiClient, ApiException, ApiResponse, Configuration, NewTask, Problem, TaskPatch, TasksApi, ValidationProblem


def answer(ask: Callable[[], ApiResponse[Any]]) -> Answer:
    try:
        response = ask()
    except ApiException as refused:
        assert isinstance(refused.data, ValidationProblem if refused.status == 422 else Problem), refused
        return Answer(refused.status, problem=json.loads(refused.data.to_json()))
    match response.data:
        case None:
            return Answer(response.status_code)
        case list() as tasks:
            # A plain dict here, with the names as the server happens to spell them.
            headers = {name.lower(): value for name, value in (response.headers or {}).items()}
            data = [json.loads(task.to_json()) for task in tasks]
            return Answer(response.status_code, data, link=headers.get("link"))
        case task:
            return Answer(response.status_code, json.loads(task.to_json()))


class Adapter:
    def __init__(self, api: TasksApi) -> None:
        self.api = api

    def list(self, **page: Any) -> Answer:
        return answer(lambda: self.api.list_tasks_with_http_info(**page))

    def create(self, **fields: Any) -> Answer:
        # Its models refuse what the document forbids; here the server is to.
        body = NewTask.model_construct(**fields)
        return answer(lambda: self.api.create_task_with_http_info(body))

    def get(self, id: int) -> Answer:
        return answer(lambda: self.api.get_task_with_http_info(id))

    def update(self, id: int, **fields: Any) -> Answer:
        return answer(lambda: self.api.update_task_with_http_info(id, TaskPatch(**fields)))

    def toggle(self, id: int) -> Answer:
        return answer(lambda: self.api.toggle_task_completion_with_http_info(id))

    def delete(self, id: int) -> Answer:
        return answer(lambda: self.api.delete_task_with_http_info(id))


def client_with(token: str | None) -> Adapter:
    return Adapter(TasksApi(ApiClient(Configuration(host=os.environ["BASE_URL"], access_token=token))))
