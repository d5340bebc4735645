// A person opens Swagger UI, authorizes, and tries the operations.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Page } from "playwright-core";

import { base, browser, tokens } from "./stage.js";

/** Opens the page in a browser of its own; whatever it asks elsewhere, or complains of, fails the test in the end. */
async function open(scheme: "light" | "dark", visit: (page: Page) => Promise<void>) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width: 1280, height: 900 } });
  const complaints: string[] = [];
  const page = await context.newPage();
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== base) complaints.push(`asked ${request.url()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${error}`));
  page.on("console", (message) => {
    // That an answer is a problem is told there too, and is what some tests want.
    const isProblem = message.text().startsWith("Failed to load resource: the server responded with a status of 4");
    if (["error", "warning"].includes(message.type()) && !isProblem) complaints.push(message.text());
  });
  try {
    await page.goto(`${base}/docs`);
    await page.locator("#operations-Tasks-listTasks").waitFor();
    await visit(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

async function authorize(page: Page, token: string) {
  await page.locator(".scheme-container .authorize").click();
  const dialog = page.locator(".modal-ux");
  await dialog.getByRole("textbox").fill(token);
  await dialog.getByRole("button", { name: "Apply credentials" }).click();
  await dialog.getByRole("button", { name: "Close" }).click();
}

/** Tries an operation out, with a body perhaps, and gives what the page then shows of the answer. */
async function tryOut(page: Page, operation: string, body?: object) {
  const block = page.locator(`#operations-Tasks-${operation}`);
  const execute = block.getByRole("button", { name: "Execute" });
  if (!(await execute.isVisible())) {
    await block.locator(".opblock-summary-control").click();
    await block.getByRole("button", { name: "Try it out" }).click();
  }
  if (body) await block.getByRole("textbox").last().fill(JSON.stringify(body));
  await execute.click();
  const live = block.locator(".live-responses-table");
  await live.waitFor();
  return {
    status: Number(await live.locator("tbody .response-col_status").first().innerText()),
    body: await live.locator(".response-col_description .highlight-code, .response-col_description pre").first().innerText(),
  };
}

test("the page is ours, and asks nobody else", () =>
  open("light", async (page) => {
    assert.equal(await page.title(), "Todo API");
    assert.equal(await page.evaluate(() => document.doctype?.name), "html");
    assert.equal(await page.evaluate(() => document.compatMode), "CSS1Compat");
    await page.getByRole("heading", { name: "Todo API" }).waitFor();
    await page.getByText("every user sees only their own").waitFor();
    for (const clutter of [".topbar", ".validator-wrapper img", "img[src*=validator]", ".errors-wrapper", ".servers select"]) {
      assert.equal(await page.locator(clutter).filter({ visible: true }).count(), 0, clutter);
    }
  }));

test("what it loads is compressed, and not loaded again", () =>
  open("light", async (page) => {
    const loaded = () =>
      page.evaluate(() =>
        (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
          .filter(({ name }) => name.includes("/docs/"))
          .map(({ transferSize, encodedBodySize, decodedBodySize }) => ({ transferSize, encodedBodySize, decodedBodySize })),
      );
    const first = await loaded();
    assert.ok(first.length >= 4);
    const sum = (sizes: number[]) => sizes.reduce((sum, size) => sum + size, 0);
    const [packed, plain] = [sum(first.map((file) => file.encodedBodySize)), sum(first.map((file) => file.decodedBodySize))];
    assert.ok(packed * 3 < plain, `${packed} of ${plain} bytes`);
    await page.reload();
    await page.locator("#operations-Tasks-listTasks").waitFor();
    assert.deepEqual(new Set((await loaded()).map((file) => file.transferSize)), new Set([0]));
  }));

test("a task is created and listed with a token, and so it is after a reload", () =>
  open("light", async (page) => {
    assert.equal((await tryOut(page, "listTasks")).status, 401);
    await authorize(page, tokens.good);
    const created = await tryOut(page, "createTask", { title: "From Swagger UI" });
    assert.equal(created.status, 201);
    assert.match(created.body, /"title": "From Swagger UI"/);
    await page.reload();
    await page.locator("#operations-Tasks-listTasks").waitFor();
    const list = await tryOut(page, "listTasks");
    assert.equal(list.status, 200);
    assert.match(list.body, /"title": "From Swagger UI"/);
  }));

test("a token that has expired shows a problem that tells so", () =>
  open("dark", async (page) => {
    await authorize(page, tokens.expired);
    const answer = await tryOut(page, "listTasks");
    assert.equal(answer.status, 401);
    assert.match(answer.body, /"detail": ".*expired/);
  }));

test("it is dark where the browser wants it so, and follows when that changes", () =>
  open("dark", async (page) => {
    /** From 0, black, to 1, white. */
    const lightness = (property: "color" | "backgroundColor") =>
      page.evaluate((property) => {
        const heading = document.querySelector("h1, h2.title");
        for (let element = heading; element; element = element.parentElement) {
          const [red = 0, green = 0, blue = 0, alpha = 1] = (getComputedStyle(element)[property].match(/[\d.]+/g) ?? []).map(Number);
          if (alpha > 0) return (red + green + blue) / 3 / 255;
        }
        return matchMedia("(prefers-color-scheme: dark)").matches ? 0 : 1;
      }, property);
    await page.screenshot({ path: "dark.png", fullPage: true });
    assert.ok((await lightness("backgroundColor")) < 0.2 && (await lightness("color")) > 0.7);
    await page.emulateMedia({ colorScheme: "light" });
    await page.screenshot({ path: "light.png", fullPage: true });
    assert.ok((await lightness("backgroundColor")) > 0.9 && (await lightness("color")) < 0.4);
  }));
