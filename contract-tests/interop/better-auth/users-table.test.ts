// Whose table of users it is: Better Auth's own, under either name and in either order of migration.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import { type Database, createDatabase } from "./database.js";
import { sharedSecretToken } from "./frontend.js";
import { migrate, startIssuer } from "./issuer.js";
import { runServer, startServer } from "./todo-server.js";

const { BETTER_AUTH, BETTER_AUTH_SECRET, ENGINE } = process.env;

const named = (table: string) => ({ user: { modelName: table } });

/** A user signs up, has a task, and goes, with the task; whoever still holds the token is told so. */
async function assertTasksGoWithTheirUser(t: TestContext, database: Database, table: string) {
  const issuer = await startIssuer(t, database, named(table));
  const server = await startServer(t, database, { BETTER_AUTH_SECRET, USERS_TABLE: table });
  const [ann, ben] = [await issuer.signIn("ann"), await issuer.signIn("ben")];
  const [anns, bens] = [await sharedSecretToken(ann), await sharedSecretToken(ben)];
  for (const token of [anns, bens]) assert.equal((await server.create(token)).status, 201);
  const references = await database.query(database.references);
  assert.deepEqual(references.map(({ owner, fate }) => [owner, fate]), [[table, "CASCADE"]]);

  await issuer.deleteUser(ann);
  const owners = await database.query("SELECT user_id FROM tasks");
  assert.deepEqual(owners.map(({ user_id }) => user_id), [ben.id]);
  assert.deepEqual((await server.tasks(anns)).body, []);
  const late = await server.create(anns);
  assert.equal(late.status, 401);
  assert.match(late.body.detail, /the user that this token stands for does not exist/);
  assert.equal((await server.tasks(bens)).body.length, 1);
}

for (const table of ["user", "users"]) {
  test(`USERS_TABLE=${table}, where Better Auth migrates first`, async (t) => {
    const database = await createDatabase(t);
    await migrate(database, named(table));
    await assertTasksGoWithTheirUser(t, database, table);
  });
}

test("USERS_TABLE=user, where we would be first, is refused with the remedy, which helps", async (t) => {
  const database = await createDatabase(t);
  const variables = { BETTER_AUTH_SECRET, USERS_TABLE: "user" };
  await assert.rejects(startServer(t, database, variables), /there is no table user .* run the migrations .* first/);
  await migrate(database);
  await assertTasksGoWithTheirUser(t, database, "user");
});

/** Whether this Better Auth can add its columns to a table that is there. */
const canGrow = !(BETTER_AUTH === "better-auth-1.3" && ENGINE === "sqlite");

test("USERS_TABLE=users, where we are first, with a table of ours that Better Auth then grows", async (t) => {
  const database = await createDatabase(t);
  await (await startServer(t, database, { BETTER_AUTH_SECRET })).stop();
  if (!canGrow) {
    await assert.rejects(migrate(database, named("users")), /Cannot add a UNIQUE column/);
    await runServer(["migrate", "down", "100"], database, { BETTER_AUTH_SECRET });
  }
  await migrate(database, named("users"));
  await assertTasksGoWithTheirUser(t, database, "users");
});

if (canGrow) test("a table of users that Better Auth has grown is no longer ours to fill, set or not", async (t) => {
  const database = await createDatabase(t);
  const server = await startServer(t, database, { BETTER_AUTH_SECRET });
  await migrate(database, named("users"));
  const issuer = await startIssuer(t, database, named("users"));
  assert.equal((await server.create(await sharedSecretToken(await issuer.signIn()))).status, 201);
  assert.equal((await server.create(await sharedSecretToken({ id: "ghost" }))).status, 401);
});
