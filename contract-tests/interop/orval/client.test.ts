import type { Answer, Client, Problem } from "../scenario/contract.js";
import { scenario } from "../scenario/scenario.js";
import { createTask, deleteTask, getTask, listTasks, toggleTaskCompletion, updateTask } from "./generated";

/** Success and failure, told apart by the status, as the generated unions do. */
type Outcome<T> = { status: 200 | 201 | 204; data: T } | { status: 400 | 401 | 404 | 413 | 415 | 422 | 500 | 503; data: Problem };

scenario((token): Client => {
  const init = { headers: token ? { Authorization: `Bearer ${token}` } : undefined };
  const answer = async <T>(asked: Promise<Outcome<T>>): Promise<Answer<T>> => {
    const outcome = await asked;
    return outcome.status < 300
      ? { status: outcome.status, data: outcome.data as T }
      : { status: outcome.status, problem: outcome.data as Problem };
  };
  return {
    list: () => answer(listTasks(init)),
    create: (task) => answer(createTask(task, init)),
    get: (id) => answer(getTask(id, init)),
    update: (id, patch) => answer(updateTask(id, patch, init)),
    toggle: (id) => answer(toggleTaskCompletion(id, init)),
    delete: (id) => answer(deleteTask(id, init)),
  };
});
