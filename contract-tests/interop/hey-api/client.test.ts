import type { Client } from "../scenario/contract.js";
import { base, scenario } from "../scenario/scenario.js";
import { createTask, deleteTask, getTask, listTasks, toggleTaskCompletion, updateTask } from "./generated";
import { createClient } from "./generated/client";

scenario((token): Client => {
  const client = createClient({ baseUrl: base, auth: () => token });
  const answer = async <T, P>(asked: Promise<{ data?: T; error?: P; response?: Response }>) => {
    const { data, error, response } = await asked;
    return { status: response?.status ?? 0, data, problem: error, link: response?.headers.get("link") };
  };
  return {
    list: (page) => answer(listTasks({ client, query: page })),
    create: (body) => answer(createTask({ client, body })),
    get: (id) => answer(getTask({ client, path: { id } })),
    update: (id, body) => answer(updateTask({ client, path: { id }, body })),
    toggle: (id) => answer(toggleTaskCompletion({ client, path: { id } })),
    delete: (id) => answer(deleteTask({ client, path: { id } })),
  };
});
