// Better Auth itself, of the version that BETTER_AUTH names, serving on the loopback.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

import type { BetterAuthOptions } from "better-auth";
import type { JwtOptions } from "better-auth/plugins";

import type { Database } from "./database.js";

const { BETTER_AUTH, BETTER_AUTH_SECRET } = process.env;

/** One of its modules; typed as the newest version has it. */
const from = <Module>(path: string): Promise<Module> => import(`${BETTER_AUTH}${path}`);

const { betterAuth } = await from<typeof import("better-auth")>("");
const { bearer, jwt } = await from<typeof import("better-auth/plugins")>("/plugins");
const { toNodeHandler } = await from<typeof import("better-auth/node")>("/node");
const { getMigrations } = await from<typeof import("better-auth/db/migration")>("/db/migration").catch(() =>
  from<typeof import("better-auth/db/migration")>("/db"),
);

/** Whoever signed in, and what a frontend then has of them. */
export interface SignedIn {
  id: string;
  cookie: string;
  /** The session token as it is, and signed: what the plugin `bearer` takes. Neither is a JWT. */
  session: string;
  signedSession: string;
}

interface Options extends BetterAuthOptions {
  jwt?: JwtOptions;
  /** For one that comes back where it was. */
  port?: number;
}

const PASSWORD = "correct horse battery staple";

/** Starts a Better Auth as its users would: passwords, tokens by the plugin `jwt`, and `bearer`. */
export async function startIssuer(t: TestContext, database: Database, { jwt: options, port = 0, ...rest }: Options = {}) {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const auth = betterAuth(complete(database, origin, { plugins: [jwt(options), bearer()], ...rest }));
  server.on("request", toNodeHandler(auth));
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  t.after(stop);
  return new Issuer(origin, stop);
}

/** Runs Better Auth's own migrations, as its command line does. */
export async function migrate(database: Database, options: BetterAuthOptions = {}) {
  const migrations = await getMigrations(complete(database, "http://127.0.0.1", { plugins: [jwt()], ...options }));
  await migrations.runMigrations();
}

function complete(database: Database, baseURL: string, options: BetterAuthOptions): BetterAuthOptions {
  return {
    baseURL,
    secret: BETTER_AUTH_SECRET,
    database: database.forBetterAuth as BetterAuthOptions["database"],
    emailAndPassword: { enabled: true },
    logger: { level: "error" },
    telemetry: { enabled: false },
    ...options,
    user: { deleteUser: { enabled: true }, ...options.user },
  };
}

class Issuer {
  constructor(
    readonly origin: string,
    readonly stop: () => Promise<void>,
  ) {}

  get jwksUrl(): string {
    return `${this.origin}/api/auth/jwks`;
  }

  /** Signs a user up, and in. */
  async signIn(user = "ann"): Promise<SignedIn> {
    const credentials = { email: `${user}@example.com`, password: PASSWORD };
    const signedUp = await this.ask("POST", "/sign-up/email", { body: { ...credentials, name: user } });
    const { headers, body } = await this.ask("POST", "/sign-in/email", { body: credentials });
    return {
      id: signedUp.body.user.id,
      cookie: headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; "),
      session: body.token,
      signedSession: decodeURIComponent(headers.get("set-auth-token") ?? ""),
    };
  }

  /** The token that the plugin `jwt` issues. */
  async token({ cookie }: SignedIn): Promise<string> {
    return (await this.ask("GET", "/token", { cookie })).body.token;
  }

  async deleteUser({ cookie }: SignedIn) {
    await this.ask("POST", "/delete-user", { body: { password: PASSWORD }, cookie });
  }

  /** A request that has to go well. */
  async ask(method: string, path: string, { body, cookie }: { body?: object; cookie?: string } = {}) {
    const headers = new Headers({ origin: this.origin });
    if (cookie) headers.set("cookie", cookie);
    if (body) headers.set("content-type", "application/json");
    const response = await fetch(`${this.origin}/api/auth${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
    return { headers: response.headers, body: text && JSON.parse(text) };
  }
}
