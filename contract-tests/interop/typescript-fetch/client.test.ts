import type { Answer, Client, Task as Expected } from "../scenario/contract.js";
import { base, scenario } from "../scenario/scenario.js";
import {
  type ApiResponse,
  Configuration,
  ProblemFromJSON,
  ResponseError,
  type Task,
  TasksApi,
  ValidationProblemFromJSON,
} from "./generated";

/** The generator spells fields as JavaScript does, and makes dates. */
function expected({ userId, createdAt, updatedAt, ...same }: Task): Expected {
  return { ...same, user_id: userId, created_at: createdAt, updated_at: updatedAt };
}

/** And so it does with problems. */
function problem(json: { status: number }) {
  const { requestId, ...same } = json.status === 422 ? ValidationProblemFromJSON(json) : ProblemFromJSON(json);
  return { ...same, request_id: requestId };
}

async function answer<G, T>(asked: Promise<ApiResponse<G>>, map: (value: G) => T): Promise<Answer<T>> {
  try {
    const response = await asked;
    return { status: response.raw.status, data: map(await response.value()), link: response.raw.headers.get("link") };
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    return { status: error.response.status, problem: problem(await error.response.json()) };
  }
}

scenario((token): Client => {
  const api = new TasksApi(new Configuration({ basePath: base, accessToken: token }));
  return {
    list: (page) => answer(api.listTasksRaw({ ...page }), (tasks) => tasks.map(expected)),
    create: (newTask) => answer(api.createTaskRaw({ newTask }), expected),
    get: (id) => answer(api.getTaskRaw({ id }), expected),
    update: (id, taskPatch) => answer(api.updateTaskRaw({ id, taskPatch }), expected),
    toggle: (id) => answer(api.toggleTaskCompletionRaw({ id }), expected),
    delete: (id) => answer(api.deleteTaskRaw({ id }), () => undefined),
  };
});
