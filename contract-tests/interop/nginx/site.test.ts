// What clients see through nginx, and what they see when the server behind it is away.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import tls from "node:tls";

const { SITE = "", HTTP, HTTPS, TOKEN } = process.env;
const base = `https://localhost:${HTTPS}`;
const authorization = { Authorization: `Bearer ${TOKEN}` };

const nginx = spawn("nginx", ["-c", SITE], { stdio: "inherit" });
after(() => void nginx.kill());

/** Waits until somebody listens. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const listens = await new Promise((told) => {
      const socket = connect(port, "127.0.0.1", () => (socket.destroy(), told(true)));
      socket.on("error", () => told(false));
    });
    if (listens) return;
    if (tries === 100) throw new Error("nginx did not start");
    await pause(100);
  }
}
await listening(Number(HTTPS));

/** Creates a task with a title of that many characters. */
const create = (length: number) =>
  fetch(`${base}/api/tasks`, {
    method: "POST",
    headers: { ...authorization, "Content-Type": "application/json" },
    body: JSON.stringify({ title: "a".repeat(length) }),
  });

async function problem(response: Response) {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  return (await response.json()) as { status: number; detail: string; request_id: string };
}

test("a task is created and listed, and the name of the request passes through", async () => {
  const created = await create(10);
  assert.equal(created.status, 201);
  assert.match(created.headers.get("location") ?? "", /^\/api\/tasks\/\d+$/);
  const list = await fetch(`${base}/api/tasks`, { headers: { ...authorization, "X-Request-Id": "through-nginx" } });
  assert.equal(list.headers.get("x-request-id"), "through-nginx");
  assert.equal(((await list.json()) as unknown[]).length, 1);
});

test("the links lead through all pages, and each task is seen once", async () => {
  for (let made = 0; made < 4; made += 1) assert.equal((await create(10)).status, 201);
  const page = async (target: string) => {
    const response = await fetch(new URL(target, base), { headers: authorization });
    const [, next] = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "") ?? [];
    return { ids: ((await response.json()) as { id: number }[]).map(({ id }) => id), next };
  };
  const all = (await page("/api/tasks")).ids;
  assert.ok(all.length >= 4);
  const seen: number[] = [];
  for (let target: string | undefined = "/api/tasks?limit=2"; target; ) {
    const { ids, next }: { ids: number[]; next?: string } = await page(target);
    seen.push(...ids);
    assert.ok(seen.length <= all.length, "it comes to an end");
    target = next;
  }
  assert.deepEqual(seen, all);
});

test("browsers are told to come by TLS alone", async () => {
  for (const path of ["/api/health", "/api/tasks", "/docs", "/nowhere"]) {
    assert.equal((await fetch(base + path)).headers.get("strict-transport-security"), "max-age=31536000", path);
  }
});

test("who comes without TLS is sent on", async () => {
  const response = await fetch(`http://localhost:${HTTP}/api/tasks?limit=1`, { method: "POST", redirect: "manual" });
  assert.equal(response.status, 308);
  assert.equal(response.headers.get("location"), "https://localhost/api/tasks?limit=1");
});

test("answers with data are not compressed, and the page is", async () => {
  const coding = async (path: string) => {
    const headers = { ...authorization, "Accept-Encoding": "gzip" };
    return (await fetch(base + path, { headers })).headers.get("content-encoding");
  };
  assert.equal(await coding("/api/tasks"), null);
  assert.equal(await coding("/docs"), "gzip");
});

test("a body that is too large is refused with a problem, by whomever", async () => {
  for (const length of [70_000, 200_000]) {
    const response = await create(length);
    assert.equal(response.status, 413);
    const { status, detail } = await problem(response);
    assert.equal(status, 413);
    assert.equal(detail, "the body may have at most 64 KiB");
  }
});

/** What is answered to bytes that `fetch` would not send. */
const answered = (bytes: string, to = { port: HTTPS, byTls: true }) =>
  new Promise<string>((told, failed) => {
    let answer = "";
    const address = { host: "localhost", port: Number(to.port), servername: "localhost" };
    const socket = to.byTls ? tls.connect(address) : connect(address);
    socket.write(bytes);
    socket.on("data", (part) => (answer += part.toString()));
    socket.on("close", () => told(answer));
    socket.on("error", failed);
  });

/** What stands in the heads of requests that are the only one on their connection. */
const head = "Host: localhost\r\nConnection: close\r\n";

test("what nginx refuses by itself is a problem, too", async () => {
  const refusals: [number, string][] = [
    [400, `POST /api/tasks HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n`],
    [405, `TRACE /api/tasks HTTP/1.1\r\n${head}\r\n`],
    [501, `POST /api/tasks HTTP/1.1\r\n${head}Transfer-Encoding: gzip\r\n\r\n`],
    [505, `GET /api/tasks HTTP/2.5\r\n${head}\r\n`],
  ];
  for (const [status, bytes] of refusals) {
    const answer = await answered(bytes);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(answer, /content-type: application\/problem\+json\r\n/i, answer);
    assert.match(answer, /x-request-id: \w{8,}\r\n/i, answer);
    assert.equal(/^allow: GET, /im.test(answer), status === 405, answer);
    assert.match(answer, new RegExp(`"status":${status},`));
  }
});

test("without TLS, too, what is no request is told so by a problem", async () => {
  const refusals: [number, string | undefined, string][] = [
    [400, HTTPS, `GET /api/tasks HTTP/1.1\r\n${head}\r\n`],
    [400, HTTP, "GET /api/tasks HTTP/1.1\r\nConnection: close\r\n\r\n"],
    [405, HTTP, `TRACE /api/tasks HTTP/1.1\r\n${head}\r\n`],
  ];
  for (const [status, port, bytes] of refusals) {
    const answer = await answered(bytes, { port, byTls: false });
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(answer, /content-type: application\/problem\+json\r\n/i, answer);
    assert.doesNotMatch(answer, /strict-transport-security/i);
  }
});

test("it is the server that refuses a body, before it is there or once it took too long", async () => {
  const beginning = (more: string) =>
    answered(`POST /api/tasks HTTP/1.1\r\n${head}${more}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`);
  const [stranger, slow] = await Promise.all([beginning(""), beginning(`Authorization: Bearer ${TOKEN}\r\n`)]);
  assert.match(stranger, /^HTTP\/1.1 401 /);
  assert.match(slow, /^HTTP\/1.1 408 /);
  for (const answer of [stranger, slow]) assert.match(answer, /"request_id":"[-0-9a-f]{36}"/, answer);
});

/** What a browser asks before a page of `origin` may create a task. */
const preflight = (origin: string) =>
  answered(`OPTIONS /api/tasks HTTP/1.1\r\n${head}Origin: ${origin}\r\nAccess-Control-Request-Method: POST\r\n\r\n`);

test("one address has so many requests in progress, and no more", async () => {
  // Each waits for the rest of its body. One that comes while we ask may be refused for that, so more follow.
  const beginning = `POST /api/tasks HTTP/1.1\r\n${head}Authorization: Bearer ${TOKEN}\r\nContent-Length: 100\r\n`;
  const slow: Promise<string>[] = [];
  let response: Response;
  do {
    for (let more = 0; more < 20; more += 1) {
      slow.push(answered(`${beginning}Content-Type: application/json\r\n\r\n{`));
    }
    await pause(50);
    response = await fetch(`${base}/api/health`);
  } while (response.status === 200 && slow.length < 260);
  assert.equal(response.status, 429);
  assert.equal(response.headers.get("retry-after"), "2");
  const { status, request_id } = await problem(response);
  assert.equal(status, 429);
  assert.ok(request_id.length > 8);
  assert.match(await preflight("https://app.example.com"), /^HTTP\/1.1 204 /);
  const statuses = (await Promise.all(slow)).map((answer) => answer.slice(9, 12));
  assert.equal(statuses.filter((status) => status === "408").length, 200);
  assert.ok(statuses.every((status) => status === "408" || status === "429"), `${statuses}`);
});

test("while the server is away, the answer is a problem that asks to try again", async () => {
  const there = await readFile(SITE, "utf8");
  // Nobody listens on port 1.
  await writeFile(SITE, there.replace(/server 127\.0\.0\.1:\d+;/, "server 127.0.0.1:1;"));
  nginx.kill("SIGHUP");
  // As it reloads, nginx closes connections that idle: a request on one of them may find it gone.
  const health = () => fetch(`${base}/api/health`).catch(() => undefined);
  let response = await health();
  for (let tries = 0; (response === undefined || response.status === 200) && tries < 100; tries += 1) {
    await pause(50);
    response = await health();
  }
  assert.ok(response);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "2");
  assert.equal(response.headers.get("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
  const { status, request_id } = await problem(response);
  assert.equal(status, 503);
  assert.ok(request_id.length > 8);

  // Without a good answer to what a browser asks before, the page could not read that one.
  const allowed = await preflight("https://app.example.com");
  assert.match(allowed, /^HTTP\/1.1 204 /);
  for (const [name, value] of [
    ["Origin", "https://app.example.com"],
    ["Methods", "GET, HEAD, POST, PUT, PATCH, DELETE"],
  ]) {
    assert.ok(allowed.includes(`Access-Control-Allow-${name}: ${value}\r\n`), allowed);
  }
  assert.match(allowed, /access-control-allow-headers: Accept, Authorization, .*, sentry-trace\r\n/i);
  assert.match(allowed, /access-control-max-age: 0\r\n/i);
  const another = await preflight("https://another.example.com");
  assert.match(another, /^HTTP\/1.1 503 /);
  assert.doesNotMatch(another, /access-control-allow-/i);
});
