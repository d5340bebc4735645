// A page of a frontend asks from its own origin: one that is allowed, and one that is not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { base, browser, origins, tokens } from "./stage.js";

/** What a page of `origin` gets when it asks, and the preflights that its browser sent for it. */
async function ask(origin: string, path: string, init: RequestInit) {
  const page = await browser.newPage();
  try {
    await page.goto(origin);
    const network = await page.context().newCDPSession(page);
    const preflights: string[] = [];
    network.on("Network.requestWillBeSent", ({ request: { method, headers } }) => {
      if (method === "OPTIONS") preflights.push(headers["Access-Control-Request-Method"] ?? "");
    });
    await network.send("Network.enable");
    const answer = await page.evaluate(
      async ([url, init]) => {
        try {
          const response = await fetch(url, init);
          return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
        } catch (error) {
          return { refused: String(error) };
        }
      },
      [`${base}${path}`, init] as const,
    );
    return { ...answer, preflights };
  } finally {
    await page.close();
  }
}

const authorization = { Authorization: `Bearer ${tokens.good}` };
const creation = {
  method: "POST",
  headers: { ...authorization, "Content-Type": "application/json" },
  body: JSON.stringify({ title: "From a page" }),
};
const titles = async () => {
  const list = await fetch(`${base}/api/tasks`, { headers: authorization });
  return ((await list.json()) as { title: string }[]).map((task) => task.title);
};

test("a page of an allowed origin creates a task, and reads the answer and its headers", async () => {
  const answer = await ask(origins.allowed, "/api/tasks", creation);
  assert.equal(answer.status, 201, JSON.stringify(answer));
  assert.deepEqual(answer.preflights, ["POST"]);
  const task = JSON.parse(answer.body ?? "");
  assert.equal(task.title, "From a page");
  assert.equal(answer.headers?.location, `/api/tasks/${task.id}`);
  assert.ok(answer.headers?.["x-request-id"]);
});

test("it changes, toggles and deletes it, each after a preflight", async () => {
  const { id } = JSON.parse((await ask(origins.allowed, "/api/tasks", creation)).body ?? "");
  const put = await ask(origins.allowed, `/api/tasks/${id}`, { ...creation, method: "PUT" });
  const toggled = await ask(origins.allowed, `/api/tasks/${id}/complete`, { method: "PATCH", headers: authorization });
  const deleted = await ask(origins.allowed, `/api/tasks/${id}`, { method: "DELETE", headers: authorization });
  const told = [put, toggled, deleted].map(({ status, preflights }) => [status, ...preflights]);
  assert.deepEqual(told, [[200, "PUT"], [200, "PATCH"], [204, "DELETE"]]);
});

test("it reads why it is refused", async () => {
  const headers = { Authorization: `Bearer ${tokens.expired}` };
  const answer = await ask(origins.allowed, "/api/tasks", { headers });
  assert.equal(answer.status, 401);
  assert.match(JSON.parse(answer.body ?? "").detail, /expired/);
  assert.match(answer.headers?.["www-authenticate"] ?? "", /^Bearer .*error="invalid_token"/);
});

test("a page of another origin reads nothing", async () => {
  for (const init of [{}, { headers: authorization }]) {
    const answer = await ask(origins.foreign, "/api/tasks", init);
    assert.match(answer.refused ?? "", /TypeError/, JSON.stringify(answer));
  }
});

test("a page of another origin writes nothing", async () => {
  const before = await titles();
  const answer = await ask(origins.foreign, "/api/tasks", creation);
  assert.match(answer.refused ?? "", /TypeError/, JSON.stringify(answer));
  assert.deepEqual(answer.preflights, ["POST"]);
  assert.ok(before.length > 0);
  assert.deepEqual(await titles(), before);
});
