// Keys that come and go at Better Auth while our server serves.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import type { JwtOptions } from "better-auth/plugins";

import { createDatabase } from "./database.js";
import { headerOf } from "./frontend.js";
import { migrate, startIssuer } from "./issuer.js";
import { startServer } from "./todo-server.js";

async function begin(t: TestContext, jwks?: JwtOptions["jwks"]) {
  const database = await createDatabase(t);
  await migrate(database);
  const issuer = await startIssuer(t, database, { jwt: { jwks } });
  // How long a key is trusted after it was last seen, and how long no other fetch follows one, in seconds.
  const server = await startServer(t, database, { AUTH_JWKS_URL: issuer.jwksUrl, AUTH_JWKS_MAX_AGE: "1", AUTH_JWKS_COOLDOWN: "1" });
  const ann = await issuer.signIn();
  const old = await issuer.token(ann);
  assert.equal((await server.create(old)).status, 201);
  return { database, issuer, server, ann, old };
}

function assertRotated(old: string, fresh: string) {
  assert.notEqual(headerOf(fresh).kid, headerOf(old).kid);
}

test("a key that is taken away stops, and the next one counts", async (t) => {
  const { database, issuer, server, ann, old } = await begin(t);
  await database.query("DELETE FROM jwks");
  const fresh = await issuer.token(ann);
  assertRotated(old, fresh);
  await server.eventually(fresh, 200);
  await server.eventually(old, 401);
  assert.equal((await server.tasks(fresh)).status, 200);
});

// Version 1.3 does not rotate by itself.
if (process.env.BETTER_AUTH !== "better-auth-1.3") {
  test("a new key counts, and the old one goes on for as long as it is published", async (t) => {
    const { issuer, server, ann, old } = await begin(t, { rotationInterval: 1, gracePeriod: 3600 });
    await sleep(1200);
    const fresh = await issuer.token(ann);
    assertRotated(old, fresh);
    await server.eventually(fresh, 200);
    assert.equal((await server.tasks(old)).status, 200);
  });
}

test("the keys go on counting while their Better Auth is down", async (t) => {
  const { issuer, server, old } = await begin(t);
  await issuer.stop();
  await sleep(2500);
  assert.equal((await server.tasks(old)).status, 200);
});
