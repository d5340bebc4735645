// A developer follows the page; then the app's users come.

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { test } from "node:test";

import { SignJWT } from "jose";
import type { Page } from "playwright-core";

import { oldestNode, quotedTroubles, tokenCommand, variables } from "./page.js";
import { browser, database, finish, follow, freePort, layOut, place, sharing, startApi, startSite } from "./stage.js";

const PASSWORD = "correct horse battery staple";

let api: ChildProcess;

test("the Node.js that the page asks for runs what the page names", () => {
  for (const name of ["auth", "next", "@hey-api/openapi-ts"]) {
    const path = `${process.env.INTEROP}/node_modules/${name}/package.json`;
    const { node } = JSON.parse(readFileSync(path, "utf8")).engines;
    const [, wanted = ""] = /^>=(\d+\.\d+)/.exec(node) ?? [];
    assert.ok(wanted && oldestNode.localeCompare(wanted, "en", { numeric: true }) >= 0, `${name} wants ${node}`);
  }
});

test("the tables of Better Auth are made", async () => {
  layOut();
  await follow("auth", "--yes");
  const { rows } = await database.query("SELECT count(*) FROM jwks");
  assert.equal(rows.length, 1);
});

test("the API serves in the same database, and the client is generated from it", async () => {
  api = await startApi("todo-api/.env", {
    ...variables("todo-api/.env.one-database", place),
    // So that a replaced key is noticed within the time of a test.
    AUTH_JWKS_MAX_AGE: "1",
    AUTH_JWKS_COOLDOWN: "1",
  });
  await follow("openapi-typescript");
});

test("the app is linted, type-checked, built and started", async () => {
  await finish(place, "eslint", "--max-warnings=0");
  await finish(place, "next", "build");
  await startSite();
});

/** What a page asked of the app and the API. */
function watch(page: Page): string[] {
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.method() !== "OPTIONS") asked.push(`${request.method()} ${new URL(request.url()).pathname}`);
  });
  return asked;
}

async function signUp(page: Page, user: string) {
  await page.getByPlaceholder("E-mail").fill(`${user}@example.com`);
  await page.getByPlaceholder("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByText(`${user}@example.com`).waitFor();
}

let visitors = 0;

/** A browser of somebody who is signed in: not by the form, which an address may use three times in ten seconds. */
async function openAs(user: string): Promise<Page> {
  const response = await fetch(`${place.site}/api/auth/sign-up/email`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: place.site, "x-forwarded-for": `192.0.2.${++visitors}` },
    body: JSON.stringify({ email: `${user}@example.com`, password: PASSWORD, name: user }),
  });
  assert.equal(response.status, 200, await response.text());
  const context = await browser.newContext();
  for (const cookie of response.headers.getSetCookie()) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    await context.addCookies([{ name, value, url: place.site }]);
  }
  const page = await context.newPage();
  await page.goto(place.site);
  await page.getByText(`${user}@example.com`).waitFor();
  return page;
}

async function submit(page: Page, title: string) {
  await page.getByLabel("New task").fill(title);
  await page.getByRole("button", { name: "Add" }).click();
}

/** The tick of a task. By its whole title: the field's "New task" has "new" in it. */
const tick = (page: Page, title: string, checked?: boolean) =>
  page.getByRole("checkbox", { name: title, exact: true, checked });

async function add(page: Page, title: string) {
  await submit(page, title);
  await tick(page, title).waitFor();
}

/** Completes a task, or takes that back; it shows once the API has answered. */
async function complete(page: Page, title: string, completed: boolean) {
  await tick(page, title).click();
  await tick(page, title, completed).waitFor();
}

const titles = async (page: Page) => (await page.getByRole("listitem").allInnerTexts()).map((title) => title.trim());

/** What is told of the page as a whole. */
const alerts = (page: Page) => page.getByRole("main").getByRole("alert").allInnerTexts();

test("somebody signs up, adds a task and completes it, and it is there after a reload", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(place.site);
  await signUp(page, "ann");
  await add(page, "Buy milk");
  await complete(page, "Buy milk", true);
  await page.reload();
  await tick(page, "Buy milk", true).waitFor();
  assert.deepEqual(await alerts(page), []);
});

test("what is wrong with a field is told beside it, and goes when it is right", async () => {
  const page = await openAs("ben");
  await submit(page, "x".repeat(201));
  await page.getByText("must have 1 to 200 characters").waitFor();
  assert.equal(await page.getByLabel("New task").getAttribute("aria-invalid"), "true");
  assert.deepEqual(await alerts(page), []);
  await add(page, "x".repeat(200));
  assert.equal(await page.getByText("must have 1 to 200 characters").count(), 0);
  assert.equal((await titles(page)).length, 1);
});

const isList = (url: URL) => url.pathname === "/api/tasks" && url.searchParams.has("sort");
const isCreation = (url: URL) => url.pathname === "/api/tasks" && !url.searchParams.has("sort");

/** Something that an answer is held back for, and how one says that it has happened. */
function moment() {
  let come = () => {};
  const hasCome = new Promise<void>((resolve) => (come = resolve));
  return { come, hasCome };
}

test("what is added while the list is under way stays when it comes", async () => {
  const page = await openAs("lee");
  await add(page, "old");
  const added = moment();
  await page.route(isList, async (route) => {
    const response = await route.fetch();
    await added.hasCome;
    await route.fulfill({ response });
  });
  await page.reload();
  await add(page, "new");
  added.come();
  await tick(page, "old").waitFor();
  assert.deepEqual(await titles(page), ["new", "old"]);
});

test("what comes in the list before it is known to be added is there once", async () => {
  const page = await openAs("max");
  await add(page, "old");
  const stored = moment();
  await page.route(isList, async (route) => {
    await stored.hasCome;
    await route.continue();
  });
  await page.route(isCreation, async (route) => {
    const response = await route.fetch();
    stored.come();
    await tick(page, "new").waitFor();
    await route.fulfill({ response });
  });
  await page.reload();
  await submit(page, "new");
  await page.waitForFunction(() => document.querySelector<HTMLInputElement>("input[name=title]")?.value === "");
  assert.deepEqual(await titles(page), ["new", "old"]);
});

test("a task whose answer got lost may be sent again, and is there once; another title is another task", async () => {
  const page = await openAs("kim");
  const submitInVain = async (title: string) => {
    await page.route(isCreation, async (route) => {
      await route.fetch();
      await route.abort();
    });
    await submit(page, title);
    await page.getByText("The tasks are out of reach.").waitFor();
    await page.unroute(isCreation);
  };
  await submitInVain("Buy milk");
  await add(page, "Buy milk");
  await submitInVain("Buy eggs");
  await add(page, "Buy ten eggs");
  await submit(page, "Buy milk");
  await page.getByRole("listitem").nth(2).waitFor();
  await page.reload();
  await page.getByRole("listitem").nth(3).waitFor();
  assert.deepEqual(await titles(page), ["Buy milk", "Buy ten eggs", "Buy eggs", "Buy milk"]);
});

test("a change by If-Match is made once, and refused where the task has changed", async () => {
  const page = await openAs("roy");
  const { token } = (await ask(page, "/api/auth/token")).body;
  const statuses = await page.evaluate(async ([api, token]) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const made = await fetch(`${api}/api/tasks`, { method: "POST", headers, body: '{"title":"a"}' });
    const { id } = await made.json();
    const expecting = { ...headers, "if-match": made.headers.get("ETag") ?? "" };
    const statuses: number[] = [];
    for (const body of ['{"title":"b"}', '{"title":"c"}']) {
      const answer = await fetch(`${api}/api/tasks/${id}`, { method: "PUT", headers: expecting, body });
      statuses.push(answer.status);
    }
    return statuses;
  }, [place.api, token] as const);
  assert.deepEqual(statuses, [200, 412]);
});

test("who is signed in no more when a token is asked for is told so", async () => {
  const page = await openAs("jan");
  await page.route("**/api/auth/token", (route) => route.fulfill({ status: 401, json: { message: "Unauthorized" } }));
  await page.reload();
  await page.getByText("Please sign in again.").waitFor();
});

test("one token serves many calls, until it is taken no more; the user notices nothing", async () => {
  const page = await openAs("cat");
  const asked = watch(page);
  await page.reload();
  await add(page, "one");
  await complete(page, "one", true);
  const tokens = () => asked.filter((request) => request === "GET /api/auth/token").length;
  assert.equal(tokens(), 1);
  await database.query("DELETE FROM jwks");
  // The key counts for as long as it was promised to, and then the page asks for another token.
  let completed = true;
  for (const deadline = Date.now() + 60_000; tokens() === 1; await page.waitForTimeout(300)) {
    assert.ok(Date.now() < deadline, "the token of a deleted key still counts");
    await complete(page, "one", (completed = !completed));
  }
  assert.equal(tokens(), 2);
  assert.deepEqual(await alerts(page), []);
});

test("who signs out and in as another sees nothing of the first", async () => {
  const page = await openAs("dan");
  await add(page, "Dan's");
  await page.getByRole("button", { name: "Sign out" }).click();
  await signUp(page, "eve");
  await add(page, "Eve's");
  assert.deepEqual(await titles(page), ["Eve's"]);
});

test("who signs in as another in another tab is that one in this tab too, and sees nothing of the first", async () => {
  const page = await openAs("pat");
  await add(page, "Pat's");
  const other = await page.context().newPage();
  await other.goto(place.site);
  await other.getByRole("button", { name: "Sign out" }).click();
  await signUp(other, "sam");
  // What the browser tells a tab that somebody comes back to; here both are shown all the time.
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.getByText("sam@example.com").waitFor();
  await add(page, "Sam's");
  assert.deepEqual(await titles(page), ["Sam's"]);
  await other.reload();
  await tick(other, "Sam's").waitFor();
  assert.deepEqual(await titles(other), ["Sam's"]);
});

test("who leaves the list and comes back sees it as it is now, page by page", async () => {
  const page = await openAs("una");
  const { token } = (await ask(page, "/api/auth/token")).body;
  for (let number = 1; number <= 60; number++) await create(place.api, token, `task ${number}`);
  await page.reload();
  await tick(page, "task 60").waitFor();
  const more = page.getByRole("button", { name: "More" });
  // The next page comes once the list is left, where it is not wanted any more.
  const left = moment();
  await page.route(isList, async (route) => {
    const response = await route.fetch();
    await left.hasCome;
    await route.fulfill({ response });
  });
  await more.click();
  await page.getByRole("link", { name: "Summary" }).click();
  await page.getByText("60 to do").waitFor();
  const nextPage = page.waitForResponse((response) => isList(new URL(response.url())));
  left.come();
  await (await nextPage).finished();
  await page.unroute(isList);
  await create(place.api, token, "task 61");
  await page.getByRole("link", { name: "All tasks" }).click();
  await tick(page, "task 61").waitFor();
  await more.click();
  await tick(page, "task 1").waitFor();
  assert.deepEqual(await titles(page), Array.from({ length: 61 }, (_, at) => `task ${61 - at}`));
});

test("a page that is made on the server has the user's tasks, and sends strangers away", async () => {
  const page = await openAs("fay");
  await add(page, "one");
  await page.goto(`${place.site}/summary`);
  await page.getByText("1 to do").waitFor();
  await page.context().clearCookies();
  await page.goto(`${place.site}/summary`);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
});

/** A task, or why not, by a token. */
async function create(origin: string, token: string, title = "a"): Promise<{ status: number; detail: string }> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`${origin}/api/tasks`, { method: "POST", headers, body: JSON.stringify({ title }) });
  return { status: response.status, detail: (await response.json()).detail };
}

/** What the app answers to whoever is signed in on a page. */
const ask = (page: Page, path: string) =>
  page.evaluate(async (path) => {
    const response = await fetch(path);
    return { status: response.status, body: await response.json().catch(() => null) };
  }, path);

test("a long list comes page by page, each task once, and what is added meanwhile", async () => {
  const page = await openAs("ivy");
  const { token } = (await ask(page, "/api/auth/token")).body;
  for (let number = 1; number <= 120; number++) {
    assert.equal((await create(place.api, token, `task ${number}`)).status, 201);
  }
  await page.reload();
  const tasks = page.getByRole("listitem");
  await tasks.nth(49).waitFor();
  assert.equal(await tasks.count(), 50);
  await add(page, "one more");
  const more = page.getByRole("button", { name: "More" });
  for (const shown of [101, 121]) {
    await more.click();
    await tasks.nth(shown - 1).waitFor();
    assert.equal(await tasks.count(), shown);
  }
  assert.deepEqual(await titles(page), ["one more", ...Array.from({ length: 120 }, (_, at) => `task ${120 - at}`)]);
  assert.equal(await more.count(), 0);
  await page.goto(`${place.site}/summary`);
  await page.getByText("121 to do").waitFor();
});

test("the shared secret does it too, without the plugin, and without Cache Components", async () => {
  await startApi("todo-api/.env.shared-secret", variables("todo-api/.env.one-database", place), sharing);
  layOut(sharing);
  rmSync(`${sharing.folder}/next.config.ts`);
  cpSync(`${place.folder}/lib/todo-api.d.ts`, `${sharing.folder}/lib/todo-api.d.ts`);
  await finish(sharing, "next", "build");
  await startSite(sharing);
  // A cookie counts on all ports.
  const page = await openAs("lou");
  await page.goto(sharing.site);
  await add(page, "one");
  await page.getByRole("link", { name: "Summary" }).click();
  await page.getByText("1 to do").waitFor();
  assert.equal((await ask(page, "/api/auth/token")).status, 404);
  await page.context().clearCookies();
  assert.equal((await ask(page, "/api/todo-token")).status, 401);
  await page.reload();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
});

test("what the table says of 401 is what is said", async () => {
  const page = await openAs("gus");
  const session = (await ask(page, "/api/auth/get-session")).body.session.token;
  const printed = page.waitForEvent("console", (message) => message.type() === "log");
  await page.evaluate(`(async () => ${tokenCommand})()`);
  const issued = (await printed).text();
  assert.equal((await create(place.api, issued)).status, 201);
  const strict = { ...place, api: `http://localhost:${await freePort()}` };
  await startApi("todo-api/.env", { ...variables("todo-api/.env.one-database", place), AUTH_ISSUER: "http://other" }, strict);
  const expired = new SignJWT({ sub: "gus", aud: "todo", exp: 3600 }).setProtectedHeader({ alg: "HS256" });
  const answers = [
    await create(place.api, session),
    await create(strict.api, issued),
    await create(sharing.api, await expired.sign(new TextEncoder().encode(place.secret))),
    await create(sharing.api, issued),
  ];
  await database.query(`DELETE FROM "user" WHERE email = 'gus@example.com'`);
  answers.push(await create(place.api, issued));
  assert.deepEqual(answers.map(({ status }) => status), [401, 401, 401, 401, 401]);
  for (const words of quotedTroubles) {
    assert.ok(answers.some(({ detail }) => detail.includes(words)), `${words}: ${JSON.stringify(answers)}`);
  }
  assert.equal(quotedTroubles.length, answers.length);
});

test("where nobody answers, the user is told", async () => {
  const page = await openAs("hal");
  api.kill();
  await submit(page, "Buy milk");
  await page.getByText("The tasks are out of reach.").waitFor();
  await page.goto(`${place.site}/summary`);
  await page.getByText("The tasks are out of reach.").waitFor();
});
