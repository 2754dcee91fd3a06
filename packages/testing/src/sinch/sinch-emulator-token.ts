import { createHmac, randomBytes } from "node:crypto";
import type { EmulatorRequest, EmulatorResponse } from "../emulator-server.ts";

/** The OAuth2 side of the emulator. */
export interface SinchTokens {
  /** Answers `POST /oauth2/token`. */
  issue(request: EmulatorRequest): EmulatorResponse;
  /** Checks an `Authorization` header of the API; an answer means refused. */
  check(authorization: string | undefined): EmulatorResponse | undefined;
  /** Lets every issued token expire now, whatever its `exp` says. */
  expireAll(): void;
}

/**
 * Makes the token endpoint and the credential check: HTTP Basic with key id and secret, or a bearer token (a JWT,
 * HS256, with `exp`). A wrong key is answered 401 without a body; an expired token 401 with `www-authenticate` that
 * contains `expired`.
 */
export function sinchTokens(options: {
  keyId: string;
  keySecret: string;
  lifetimeSeconds: () => number;
}): SinchTokens {
  const signingKey = randomBytes(32);
  /** When each issued token expires, in milliseconds since 1970. */
  const issued = new Map<string, number>();
  const basic = `Basic ${Buffer.from(`${options.keyId}:${options.keySecret}`).toString("base64")}`;

  return {
    issue(request) {
      if (!sameBasic(request.headers.authorization, basic)) {
        return { status: 401, body: { error: "invalid_client" } };
      }
      if (!request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded")) {
        return { status: 400, body: { error: "invalid_request" } };
      }
      if (new URLSearchParams(request.body.toString()).get("grant_type") !== "client_credentials") {
        return { status: 400, body: { error: "unsupported_grant_type" } };
      }
      const now = Date.now();
      const lifetime = options.lifetimeSeconds();
      const claims = {
        iss: "emulator",
        sub: options.keyId,
        iat: Math.floor(now / 1000),
        exp: Math.floor(now / 1000 + lifetime),
        jti: randomBytes(8).toString("hex"),
      };
      const unsigned = [{ alg: "HS256", typ: "JWT" }, claims]
        .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
        .join(".");
      const token = `${unsigned}.${createHmac("sha256", signingKey).update(unsigned).digest("base64url")}`;
      issued.set(token, now + lifetime * 1000);
      return {
        status: 200,
        headers: { "cache-control": "no-store" },
        body: { access_token: token, expires_in: lifetime, scope: "", token_type: "bearer" },
      };
    },
    check(authorization) {
      if (sameBasic(authorization, basic)) return undefined;
      const bearer = /^bearer (\S+)$/i.exec(authorization ?? "")?.[1];
      const expiresAt = bearer === undefined ? undefined : issued.get(bearer);
      if (expiresAt === undefined) return { status: 401 };
      if (Date.now() < expiresAt) return undefined;
      return {
        status: 401,
        headers: {
          "www-authenticate": 'Bearer error="invalid_token", error_description="The token is expired"',
        },
      };
    },
    expireAll() {
      for (const token of issued.keys()) issued.set(token, 0);
    },
  };
}

/** The scheme's name is case-insensitive (RFC 9110, 11.1), the credentials are not. */
function sameBasic(authorization: string | undefined, expected: string): boolean {
  return authorization?.replace(/^basic /i, "Basic ") === expected;
}
