// A developer's machine after the page: the app, our server, PostgreSQL, a browser.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";
import { chromium } from "playwright-core";

import { type Place, command, variables, writeSite } from "./page.js";

const { BETTER_AUTH_SECRET = "", CHROMIUM, DATABASE_URL = "", PATH, TODO_SERVER = "" } = process.env;

const started: ChildProcess[] = [];
after(() => started.forEach((child) => child.kill()));

export const place: Place = {
  folder: "site",
  sharesSecret: false,
  site: `http://localhost:${await freePort()}`,
  api: `http://localhost:${await freePort()}`,
  database: DATABASE_URL,
  secret: BETTER_AUTH_SECRET,
};

/** The page's other way, in the same database. */
export const sharing: Place = {
  ...place,
  folder: "site-sharing",
  sharesSecret: true,
  site: `http://localhost:${await freePort()}`,
  api: `http://localhost:${await freePort()}`,
};

export const database = new pg.Pool({ connectionString: DATABASE_URL });
after(() => database.end());

export const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
after(() => browser.close());

/** Lays out what `create-next-app` does, and the page's files on top. */
export function layOut(at = place) {
  cpSync("create-next-app", at.folder, { recursive: true });
  writeSite(at);
}

/** Runs a command of the page in the site, which has to go well. */
export async function follow(program: string, ...more: string[]) {
  const [name, given] = command(program, place);
  await finish(place, name, ...given, ...more);
}

export async function finish(at: Place, program: string, ...given: string[]) {
  const child = start(program, given, { PATH, NEXT_TELEMETRY_DISABLED: "1" }, at.folder);
  const code = await new Promise((resolve) => child.once("close", resolve));
  assert.equal(code, 0, `${program} ${given.join(" ")} failed`);
}

/** Starts our server as the page's file says, and some more. */
export async function startApi(file: string, more: Record<string, string> = {}, at = place) {
  const env = { PATH, HOST: "127.0.0.1", PORT: new URL(at.api).port, ...variables(file, at), ...more };
  // In a folder of its own, so that no file `.env` is found.
  const child = start(TODO_SERVER, [], env, mkdtempSync("api-"));
  await answered(`${at.api}/api/health`);
  return child;
}

export async function startSite(at = place) {
  start("next", ["start", "--hostname", "127.0.0.1", "--port", new URL(at.site).port], { PATH }, at.folder);
  await answered(at.site);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

function start(program: string, given: string[], env: NodeJS.ProcessEnv, cwd: string): ChildProcess {
  const child = spawn(program, given, { cwd, env, stdio: ["ignore", 2, 2] });
  started.push(child);
  return child;
}

async function answered(url: string) {
  for (const deadline = Date.now() + 60_000; ; await sleep(100)) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    assert.ok(Date.now() < deadline, `${url} does not answer`);
  }
}
