// A database that Better Auth and our server share, of the kind that ENGINE names: an SQLite file, or one
// beside the database of DATABASE_URL.

import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";

import pg from "pg";

const { DATABASE_URL, ENGINE } = process.env;

export interface Database {
  /** Its address, as our server takes it. */
  url: string;
  /** What Better Auth takes. */
  forBetterAuth: unknown;
  query(statement: string): Promise<Record<string, unknown>[]>;
  /** The statement that tells which tables `tasks` references, and what becomes of a task when its row goes. */
  references: string;
  drop(): Promise<void>;
}

/** Makes an empty database, gone with the test. */
export async function createDatabase(t: TestContext): Promise<Database> {
  const database = ENGINE === "sqlite" ? createSqlite() : await createPostgres();
  t.after(() => database.drop());
  return database;
}

function createSqlite(): Database {
  const folder = mkdtempSync(join(tmpdir(), "todo-better-auth-"));
  const file = join(folder, "todo.db");
  const connection = new DatabaseSync(file, { timeout: 5000 });
  return {
    url: `sqlite://${file}`,
    forBetterAuth: connection,
    query: async (statement) => connection.prepare(statement).all(),
    references: `SELECT "table" AS owner, on_delete AS fate FROM pragma_foreign_key_list('tasks')`,
    async drop() {
      connection.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function createPostgres(): Promise<Database> {
  const name = `better_auth_${randomUUID().replaceAll("-", "")}`;
  await rule(`CREATE DATABASE ${name}`);
  const url = new URL(DATABASE_URL ?? "");
  url.pathname = name;
  const pool = new pg.Pool({ connectionString: url.href });
  // That a connection ends with the database is no error: one in use, or one that `end` did not wait for.
  pool.on("connect", (client) => client.on("error", () => {}));
  pool.on("error", () => {});
  return {
    url: url.href,
    forBetterAuth: pool,
    query: async (statement) => (await pool.query(statement)).rows,
    references: `
      SELECT owner.relname AS owner, CASE confdeltype WHEN 'c' THEN 'CASCADE' END AS fate
      FROM pg_constraint JOIN pg_class owner ON owner.oid = confrelid
      WHERE conrelid = 'tasks'::regclass AND contype = 'f'`,
    async drop() {
      await pool.end();
      await rule(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Tells the server to make or to drop a database. */
async function rule(statement: string) {
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  await client.query(statement);
  await client.end();
}
