// What every generated client of TypeScript is put through.

import assert from "node:assert/strict";
import test from "node:test";

import type { Answer, Client, Task } from "./contract.js";

export const base = variable("BASE_URL");

const missing = 2 ** 53 - 1;

/** How many tasks the runner has given to the user of `MANY_TOKEN`. */
const MANY = 2500;
const LIMIT = 100;

export function variable(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is set by the runner`);
  return value;
}

/** Runs all checks with clients of the given maker; without a token, its client sends none. */
export function scenario(clientWith: (token?: string) => Client): void {
  const ann = clientWith(variable("TOKEN"));
  const bob = clientWith(variable("OTHER_TOKEN"));
  let task: Task;

  test("a task is created", async () => {
    task = data(await ann.create({ title: "Buy milk ✓", description: "Two litres" }), 201);
    assert.equal(task.title, "Buy milk ✓");
    assert.equal(task.description, "Two litres");
    assert.equal(task.completed, false);
    assert.equal(String(task.created_at), String(task.updated_at));
    assert(Math.abs(Date.now() - new Date(task.created_at).getTime()) < 600_000);
    assert(task.user_id.length > 0);
  });

  test("it is listed", async () => {
    assert.deepEqual(data(await ann.list(), 200).filter(({ id }) => id === task.id), [task]);
  });

  test("it is got", async () => {
    assert.deepEqual(data(await ann.get(task.id), 200), task);
  });

  test("only what is sent is updated", async () => {
    const updated = data(await ann.update(task.id, { completed: true }), 200);
    assert.deepEqual({ ...updated, completed: false, updated_at: task.updated_at }, task);
    assert.equal(updated.completed, true);
    assert(new Date(updated.updated_at) >= new Date(task.updated_at));
  });

  test("a description is cleared by null", async () => {
    assert.strictEqual(data(await ann.update(task.id, { description: null }), 200).description, null);
  });

  test("a task without a description has null for one", async () => {
    const bare = data(await ann.create({ title: "bare" }), 201);
    assert.strictEqual(bare.description, null);
    assert.equal((await ann.delete(bare.id)).status, 204);
  });

  test("it is toggled", async () => {
    assert.equal(data(await ann.toggle(task.id), 200).completed, false);
    assert.equal(data(await ann.toggle(task.id), 200).completed, true);
  });

  test("2,500 tasks are paged through, each seen once and in order", async () => {
    const many = clientWith(variable("MANY_TOKEN"));
    const ids: number[] = [];
    let pages = 0;
    for (let cursor: string | undefined, more = true; more; pages++) {
      assert(pages < MANY, "it comes to an end");
      const page = await many.list({ limit: LIMIT, cursor });
      ids.push(...data(page, 200).map(({ id }) => id));
      cursor = nextCursor(page.link);
      more = cursor !== undefined;
    }
    assert.equal(pages, MANY / LIMIT);
    assert.equal(new Set(ids).size, MANY);
    assert.deepEqual(ids, ids.toSorted((a, b) => a - b));
  });

  test("another user does not find it", async () => {
    assert.deepEqual(data(await bob.list(), 200), []);
    problem(await bob.get(task.id), 404);
  });

  test("it is deleted, once", async () => {
    const answer = await ann.delete(task.id);
    assert.equal(answer.status, 204);
    assert(!answer.problem);
    problem(await ann.delete(task.id), 404);
  });

  test("a missing task is a problem of 404", async () => {
    problem(await ann.get(missing), 404);
    problem(await ann.update(missing, { title: "x" }), 404);
    problem(await ann.toggle(missing), 404);
  });

  test("a value at fault is a problem of 422 that names it", async () => {
    const refused = problem(await ann.create({ title: "" }), 422);
    assert("errors" in refused);
    assert.deepEqual(refused.errors.map(({ pointer }) => pointer), ["/title"]);
    assert.match(refused.errors[0]?.detail ?? "", /200/);
  });

  test("no token is a problem of 401", async () => {
    const nobody = clientWith();
    problem(await nobody.list(), 401);
    problem(await nobody.create({ title: "x" }), 401);
    problem(await nobody.delete(1), 401);
  });

  test("an expired token is a problem of 401 that says so", async () => {
    const { detail } = problem(await clientWith(variable("EXPIRED_TOKEN")).list(), 401);
    assert.match(detail, /expired/);
  });
}

/** Where the next page begins, as its link has it; none after the last page. */
function nextCursor(link: string | null | undefined): string | undefined {
  const [, target] = /^<([^>]+)>; rel="next"$/.exec(link ?? "") ?? [];
  return target && (new URL(target, base).searchParams.get("cursor") ?? assert.fail(`${target} has a cursor`));
}

function data<T>(answer: Answer<T>, status: number): T {
  assert.equal(answer.status, status, JSON.stringify(answer.problem));
  assert.equal(answer.problem, undefined);
  assert(answer.data !== undefined, "a success has data");
  return answer.data;
}

function problem({ status, problem, data }: Answer<unknown>, expected: number) {
  assert.equal(status, expected);
  assert(data === undefined || data === null, "a problem comes without data");
  assert(problem, "the client hands out the problem");
  assert.equal(problem.status, expected);
  assert.equal(problem.type, "about:blank");
  assert(problem.title && problem.detail && problem.request_id, JSON.stringify(problem));
  return problem;
}
