// The page itself, docs/quickstart.md: its blocks become the files and the commands that are tested.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const text = readFileSync(join(process.env.WORKSPACE ?? "", "docs/quickstart.md"), "utf8");

/** The blocks that name their file. */
const files = blocks("file");

function blocks(attribute: string): Map<string, string> {
  const found = text.matchAll(new RegExp(`^\`\`\`\\w+ ${attribute}=(.+)\\n([^]*?)^\`\`\`$`, "gm"));
  return new Map([...found].map(([, file = "", block = ""]) => [file, block]));
}

// Whoever reads the page sees no attributes.
for (const { 1: file = "", index } of text.matchAll(/^```\w+ (?:file|instead)=(.+)$/gm)) {
  if (file.startsWith("todo-api/") || text.slice(0, index).endsWith(`**\`${file}\`**\n\n`)) continue;
  throw new Error(`the page does not say that its block is ${file}`);
}

/** The files of a site that shares its secret: the plugin is left out, and a block takes the place of its file, or of
 * the function in it that begins alike. */
function sharing(): Map<string, string> {
  const site = new Map([...files].map(([file, block]) => [file, withoutPlugin(block)]));
  for (const [file, block] of blocks("instead")) {
    const [head = ""] = block.split("\n");
    const [before = "", after] = (site.get(file) ?? "").split(head);
    site.set(file, after === undefined ? block : before + block + after.replace(/[^]*?^}\n/m, ""));
  }
  return site;
}

function withoutPlugin(block: string): string {
  return block.replace(/^import { jwt.*\n/m, "").replace(/({ )?plugins: \[jwt(Client)?\(\)\](,| })/, "");
}

/** An app, and what the page calls by names that everybody has a version of. */
export interface Place {
  folder: string;
  sharesSecret: boolean;
  site: string;
  api: string;
  database: string;
  secret: string;
}

/** Puts our own addresses and secret where the page shows examples of them. */
function placed(block: string, place: Place): string {
  return block
    .replaceAll("http://localhost:3000", place.site)
    .replaceAll("http://localhost:8000", place.api)
    .replace(/^DATABASE_URL=.*$/m, `DATABASE_URL=${place.database}`)
    .replace(/^BETTER_AUTH_SECRET=.*$/m, `BETTER_AUTH_SECRET=${place.secret}`);
}

/** Writes the files of the site as they stand; only `.env`, which is everybody's own, is adapted. */
export function writeSite(place: Place) {
  for (const [file, block] of place.sharesSecret ? sharing() : files) {
    if (file.startsWith("todo-api/")) continue;
    const path = join(place.folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file === ".env" ? placed(block, place) : block);
  }
}

/** The variables of one of the page's files for the API. */
export function variables(file: string, place: Place): Record<string, string> {
  const block = files.get(file);
  if (block === undefined) throw new Error(`the page has no block for ${file}`);
  return Object.fromEntries([...placed(block, place).matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

/** The page's `npx` command that runs a program, as the program's name and its arguments. */
export function command(program: string, place: Place): [string, string[]] {
  const line = [...text.matchAll(/\bnpx ([^`\n]+)/g)].map(([, line = ""]) => line).find((line) => line.startsWith(program));
  if (line === undefined) throw new Error(`the page has no command npx ${program}`);
  const [name = "", ...rest] = placed(line, place).split(" ");
  // The version is the one that is pinned for the tests.
  return [name.replace(/@.*/, ""), rest];
}

/** The oldest Node.js that will do, says the page. */
export const oldestNode = /Node\.js (\d+\.\d+)/.exec(text)?.[1] ?? "";

/** What the page has typed into the browser's console for a token. */
export const tokenCommand = /`(console\.log\([^`]+)`/.exec(text)?.[1];

/** What the page's table of troubles quotes of a 401: of each the words, up to where they vary. */
export const quotedTroubles = [...text.matchAll(/^\| 401, "([^"]+?) ?…?"/gm)].map(([, words = ""]) => words);
