// What the tests of the browser stand on: our server, a server of pages, and Chromium.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { after } from "node:test";

import { chromium } from "playwright-core";

const variable = (name: string) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

export const tokens = { good: variable("TOKEN"), other: variable("OTHER_TOKEN"), expired: variable("EXPIRED_TOKEN") };

/** A server of an empty page, for its origins: the two names of the loopback are two of them. */
async function pages() {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>A page</title>");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { allowed: `http://127.0.0.1:${port}`, foreign: `http://localhost:${port}` };
}

/** Starts our server, and gives its address. */
async function serve(allowedOrigin: string): Promise<string> {
  const server = spawn(variable("TODO_SERVER"), {
    env: { ...process.env, ALLOWED_ORIGINS: allowedOrigin, HOST: "127.0.0.1", PORT: "0", LOG_FORMAT: "json" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  after(() => void server.kill());
  for await (const line of createInterface({ input: server.stdout })) {
    const { message, address } = JSON.parse(line);
    if (message === "serving") {
      // Its log is read on, or it would wait for a reader.
      server.stdout.resume();
      return `http://${address}`;
    }
  }
  throw new Error("the server did not start");
}

export const origins = await pages();
export const base = await serve(origins.allowed);

export const browser = await chromium.launch({
  executablePath: variable("CHROMIUM"),
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    // Nothing else than this machine is reached, whoever asks.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
  ],
});
after(() => browser.close());
