// Our server, as a process of its own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import type { Database } from "./database.js";

type Variables = Record<string, string | undefined>;

/** Starts one on a free port, over a database. Where it does not start, the error has what it said. */
export async function startServer(t: TestContext, database: Database, variables: Variables): Promise<TodoServer> {
  const child = run([], database, variables);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = () => {
    child.kill();
    return exited;
  };
  t.after(stop);
  const address = await new Promise<string>((resolve, reject) => {
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        said += `${line}\n`;
        if (line.includes('"message":"serving"')) resolve(JSON.parse(line).address);
      });
    }
    child.once("close", () => reject(new Error(said)));
  });
  return new TodoServer(`http://${address}`, stop);
}

/** Runs one of its commands, which has to go well. */
export async function runServer(command: string[], database: Database, variables: Variables) {
  const child = run(command, database, variables);
  child.stdout.resume();
  child.stderr.pipe(process.stderr);
  const code = await new Promise((resolve) => child.once("close", resolve));
  assert.equal(code, 0, command.join(" "));
}

function run(command: string[], database: Database, variables: Variables) {
  const { TODO_SERVER = "", PATH } = process.env;
  const env = { PATH, HOST: "127.0.0.1", PORT: "0", LOG_FORMAT: "json", DATABASE_URL: database.url, ...variables };
  // In a folder of its own, so that no file `.env` is found.
  const cwd = mkdtempSync(join(process.cwd(), "server-"));
  return spawn(TODO_SERVER, command, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
}

export class TodoServer {
  constructor(
    readonly origin: string,
    readonly stop: () => Promise<void>,
  ) {}

  /** Asks for tasks, or as said, with a token; gives what was answered, and what a 401 says in its header. */
  async tasks(token: string, method = "GET", path = "", body?: object) {
    const headers = new Headers({ authorization: `Bearer ${token}` });
    if (body) headers.set("content-type", "application/json");
    const response = await fetch(`${this.origin}/api/tasks${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    const challenge = response.headers.get("www-authenticate") ?? "";
    return { status: response.status, body: text && JSON.parse(text), challenge };
  }

  create(token: string) {
    return this.tasks(token, "POST", "", { title: "Buy milk" });
  }

  /** Waits until a token is answered so: keys are fetched at most every few seconds. */
  async eventually(token: string, status: number) {
    const deadline = Date.now() + 45_000;
    for (;;) {
      const answer = await this.tasks(token);
      if (answer.status === status) return;
      assert.ok(Date.now() < deadline, `still ${answer.status}: ${answer.challenge}`);
      await sleep(100);
    }
  }
}
