// What a frontend validates before it sends it, by schemas that were generated from the patterns of the document.

import assert from "node:assert/strict";
import { test } from "node:test";

import { zNewTask } from "./validating/zod.gen";

test("a title is judged as the server judges it", () => {
  const visible = ["Buy milk", " a ", "\u{1f600}".repeat(200), "\u200b", "\u2027", "\u202e", "a\n"];
  for (const title of visible) assert.ok(zNewTask.safeParse({ title }).success, JSON.stringify(title));
  const invisible = ["", " ", "\n", "\u0085", "\u2000", "\u2028", "\u2029", "\u202f", "\u3000", "a\0"];
  const long = ["x", "\u{1f600}"].map((character) => character.repeat(201));
  for (const title of [...invisible, ...long]) assert.ok(!zNewTask.safeParse({ title }).success, JSON.stringify(title));
});
