// Whose token it is: every way in which users of Better Auth come by one, and what is none.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import { createDatabase } from "./database.js";
import { headerOf, sharedSecretToken } from "./frontend.js";
import { type SignedIn, migrate, startIssuer } from "./issuer.js";
import { type TodoServer, startServer } from "./todo-server.js";

const { BETTER_AUTH_SECRET } = process.env;

/** Better Auth over a database, in which it keeps its users for us too. */
async function begin(t: TestContext, options: Parameters<typeof startIssuer>[2] = {}) {
  const database = await createDatabase(t);
  await migrate(database);
  const issuer = await startIssuer(t, database, options);
  const trusting = (variables: Record<string, string | undefined>) =>
    startServer(t, database, { USERS_TABLE: "user", ...variables });
  return { database, issuer, trusting, byKeys: { AUTH_JWKS_URL: issuer.jwksUrl }, bySecret: { BETTER_AUTH_SECRET } };
}

/** Each of two users has what their token made, and nothing of the other's. */
async function assertUsersAreApart(server: TodoServer, ann: SignedIn, ben: SignedIn, tokenOf: (of: SignedIn) => Promise<string>) {
  const [anns, bens] = [await tokenOf(ann), await tokenOf(ben)];
  const { status, body, challenge } = await server.create(anns);
  assert.equal(status, 201, challenge);
  assert.equal(body.user_id, ann.id);
  assert.deepEqual((await server.tasks(anns)).body, [body]);
  assert.deepEqual((await server.tasks(bens)).body, []);
  assert.equal((await server.tasks(bens, "DELETE", `/${body.id}`)).status, 404);
  assert.equal((await server.tasks(anns, "DELETE", `/${body.id}`)).status, 204);
}

async function assertRefused(server: TodoServer, token: string, words: RegExp) {
  const { status, body, challenge } = await server.create(token);
  assert.equal(status, 401, JSON.stringify(body));
  assert.match(challenge, /^Bearer .*error="invalid_token"/);
  for (const text of [challenge, body.detail]) assert.match(text, words);
}

for (const alg of ["EdDSA", "ES256", "RS256", "PS256"] as const) {
  // The first is what comes without a word about it.
  const jwt = alg === "EdDSA" ? undefined : { jwks: { keyPairConfig: { alg } } };
  test(`tokens of its own, ${alg}, alone or with the session`, async (t) => {
    const { issuer, trusting, byKeys } = await begin(t, { jwt });
    const server = await trusting(byKeys);
    const [ann, ben] = [await issuer.signIn("ann"), await issuer.signIn("ben")];
    assert.equal(headerOf(await issuer.token(ann)).alg, alg);
    await assertUsersAreApart(server, ann, ben, (of) => issuer.token(of));
    await assertUsersAreApart(server, ann, ben, async ({ cookie }) => {
      const { headers } = await issuer.ask("GET", "/get-session", { cookie });
      return headers.get("set-auth-jwt") ?? "";
    });
  });
}

test("tokens that the frontend signs with the shared secret, HS256", async (t) => {
  const { issuer, trusting, bySecret } = await begin(t);
  await assertUsersAreApart(await trusting(bySecret), await issuer.signIn("ann"), await issuer.signIn("ben"), sharedSecretToken);
});

test("both kinds at once", async (t) => {
  const { issuer, trusting, byKeys, bySecret } = await begin(t);
  const server = await trusting({ ...byKeys, ...bySecret });
  const ann = await issuer.signIn();
  const { body } = await server.create(await issuer.token(ann));
  assert.deepEqual((await server.tasks(await sharedSecretToken(ann))).body, [body]);
});

test("the issuer and the audience that it writes by itself", async (t) => {
  const { issuer, trusting, byKeys } = await begin(t);
  const token = await issuer.token(await issuer.signIn());
  const exact = await trusting({ ...byKeys, AUTH_ISSUER: `${issuer.origin}/`, AUTH_AUDIENCE: issuer.origin });
  assert.equal((await exact.create(token)).status, 201);
  // Another name of the same host is the mistake that everybody makes.
  const elsewhere = issuer.origin.replace("127.0.0.1", "localhost");
  for (const variable of ["AUTH_ISSUER", "AUTH_AUDIENCE"]) {
    const other = await trusting({ ...byKeys, [variable]: elsewhere });
    await assertRefused(other, token, new RegExp(`${elsewhere}.*${issuer.origin}|${issuer.origin}.*${elsewhere}`));
  }
});

test("a server that starts before its Better Auth", async (t) => {
  const { database, issuer: early, trusting, byKeys } = await begin(t);
  await early.stop();
  const server = await trusting(byKeys);
  assert.equal((await fetch(`${server.origin}/api/health`)).status, 200);
  const issuer = await startIssuer(t, database, { port: Number(new URL(early.origin).port) });
  await server.eventually(await issuer.token(await issuer.signIn()), 200);
});

test("a token of its own, where only the secret is configured, is told what to set", async (t) => {
  const { issuer, trusting, bySecret } = await begin(t);
  await assertRefused(await trusting(bySecret), await issuer.token(await issuer.signIn()), /EdDSA.*AUTH_JWKS_URL/);
});

test("ES512, which we cannot verify, is named", async (t) => {
  const { issuer, trusting, byKeys } = await begin(t, { jwt: { jwks: { keyPairConfig: { alg: "ES512" } } } });
  await assertRefused(await trusting(byKeys), await issuer.token(await issuer.signIn()), /ES512/);
});

test("expirationTime as a number, which is a moment in 1970, is told as expired", async (t) => {
  const { issuer, trusting, byKeys } = await begin(t, { jwt: { jwt: { expirationTime: 3600 } } });
  await assertRefused(await trusting(byKeys), await issuer.token(await issuer.signIn()), /expired/);
});

test("the session token, raw or signed, is told from a token", async (t) => {
  const { issuer, trusting, byKeys, bySecret } = await begin(t);
  const { session, signedSession } = await issuer.signIn();
  assert.ok(signedSession.startsWith(`${session}.`), signedSession);
  for (const variables of [byKeys, bySecret]) {
    const server = await trusting(variables);
    for (const token of [session, signedSession, encodeURIComponent(signedSession)]) {
      await assertRefused(server, token, /session token.*\/api\/auth\/token/);
    }
  }
});

test("the links of its e-mails, signed with the same secret, let nobody in where an audience is set", async (t) => {
  let mailed = "";
  const sendVerificationEmail = async ({ token }: { token: string }) => void (mailed = token);
  const { issuer, trusting, bySecret } = await begin(t, { emailVerification: { sendVerificationEmail } });
  const server = await trusting({ ...bySecret, AUTH_AUDIENCE: "todo" });
  const ann = await issuer.signIn();
  await issuer.ask("POST", "/send-verification-email", { body: { email: "ann@example.com" }, cookie: ann.cookie });
  assert.equal(headerOf(mailed).alg, "HS256");
  await assertRefused(server, mailed, /aud/);
  assert.equal((await server.create(await sharedSecretToken(ann, "todo"))).status, 201);
});
