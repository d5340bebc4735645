// What a frontend does that mints its tokens itself.

import { SignJWT } from "jose";

import type { SignedIn } from "./issuer.js";

/** A token signed with the shared secret, for an audience perhaps. */
export function sharedSecretToken({ id }: Pick<SignedIn, "id">, audience?: string): Promise<string> {
  const token = new SignJWT({ userId: id }).setProtectedHeader({ alg: "HS256" }).setIssuedAt().setExpirationTime("15m");
  if (audience) token.setAudience(audience);
  return token.sign(new TextEncoder().encode(process.env.BETTER_AUTH_SECRET));
}

/** What a token says of itself. */
export const headerOf = (token: string): { alg: string; kid?: string } =>
  JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
