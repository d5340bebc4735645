import type { Answer, Client, Problem } from "../scenario/contract.js";
import { scenario } from "../scenario/scenario.js";
import { createTask, deleteTask, getTask, listTasks, toggleTaskCompletion, updateTask } from "./generated";

/** Success and failure are told apart by the status, in the generated unions too. */
type Success = { status: 200 | 201 | 204 };

async function answer<O extends { status: number; data: unknown; headers: Headers }>(
  asked: Promise<O>,
): Promise<Answer<Extract<O, Success>["data"]>> {
  const { status, data, headers } = await asked;
  return status < 300
    ? { status, data: data as Extract<O, Success>["data"], link: headers.get("link") }
    : { status, problem: data as Problem };
}

scenario((token): Client => {
  const init = { headers: token ? { Authorization: `Bearer ${token}` } : undefined };
  return {
    list: (page) => answer(listTasks(page, init)),
    create: (task) => answer(createTask(task, init)),
    get: (id) => answer(getTask(id, init)),
    update: (id, patch) => answer(updateTask(id, patch, init)),
    toggle: (id) => answer(toggleTaskCompletion(id, init)),
    delete: (id) => answer(deleteTask(id, init)),
  };
});
