"""What every generated client of Python is brought to."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass
class Answer:
    """What came back: the task or the tasks of a success, or the problem; both as JSON has them."""

    status: int
    data: Any = None
    problem: Any = None
    link: str | None = None
    """Of a page: the header `Link`."""


class Client(Protocol):
    """The six operations, as a generated client does them."""

    def list(self, **page: Any) -> Answer: ...
    def create(self, **fields: Any) -> Answer: ...
    def get(self, id: int) -> Answer: ...
    def update(self, id: int, **fields: Any) -> Answer: ...
    def toggle(self, id: int) -> Answer: ...
    def delete(self, id: int) -> Answer: ...
