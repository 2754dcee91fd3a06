import { manualClock, transportCall } from "@faxbot/testing";
import { type RecordedAnswer, recordingServer } from "@faxbot/testing/vitest";
import { expect, test } from "vitest";
import { sinchCredentials } from "../src/sinch-token.ts";
import { tokenVector } from "./sinch-vectors.ts";

/** A token server that numbers its tokens, and credentials for it. */
async function tokenServer(answer: (count: number) => RecordedAnswer = goodAnswer) {
  let count = 0;
  const server = await recordingServer(() => {
    count += 1;
    return answer(count);
  });
  const credentials = sinchCredentials({
    apiKey: tokenVector.keyId,
    apiSecret: tokenVector.keySecret,
    authMethod: "oauth2",
    authUrl: server.url,
  });
  return { ...server, credentials };
}

const goodAnswer = (count: number): RecordedAnswer => ({
  json: { access_token: `token-${count}`, expires_in: 3599, scope: "", token_type: "bearer" },
});

test("vector S4: the token is asked for as the vendor documents it", async () => {
  const { credentials, requests } = await tokenServer();
  expect(await credentials.authorization(transportCall())).toBe("Bearer token-1");
  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatchObject({
    method: "POST",
    target: "/oauth2/token",
    body: tokenVector.body,
    headers: { authorization: tokenVector.header, "content-type": "application/x-www-form-urlencoded" },
  });
});

test("Basic needs no token", async () => {
  const credentials = sinchCredentials({
    apiKey: tokenVector.keyId,
    apiSecret: tokenVector.keySecret,
    authMethod: "basic",
    authUrl: "https://auth.sinch.com",
  });
  expect(await credentials.authorization(transportCall())).toBe(tokenVector.header);
});

test("a token is kept, and renewed a minute before it ends", async () => {
  const { credentials, requests } = await tokenServer();
  const clock = manualClock();
  const call = transportCall({ clock });
  await credentials.authorization(call);
  clock.advance((3599 - 61) * 1000);
  expect(await credentials.authorization(call)).toBe("Bearer token-1");
  clock.advance(2000);
  expect(await credentials.authorization(call)).toBe("Bearer token-2");
  expect(requests).toHaveLength(2);
});

test("a token that lives shortly is still used for half its life", async () => {
  const { credentials, requests } = await tokenServer((count) => ({
    json: { access_token: `token-${count}`, expires_in: "30" },
  }));
  const clock = manualClock();
  await credentials.authorization(transportCall({ clock }));
  clock.advance(14_000);
  await credentials.authorization(transportCall({ clock }));
  expect(requests).toHaveLength(1);
  clock.advance(2_000);
  await credentials.authorization(transportCall({ clock }));
  expect(requests).toHaveLength(2);
});

test("however many calls wait, one token is asked for; one that gives up does not spoil it for the others", async () => {
  const { credentials, requests } = await tokenServer();
  const controller = new AbortController();
  const impatient = credentials.authorization(transportCall({ signal: controller.signal }));
  const others = Array.from({ length: 50 }, async () => credentials.authorization(transportCall()));
  controller.abort();
  await expect(impatient).rejects.toMatchObject({ code: "transport_unavailable" });
  expect(new Set(await Promise.all(others))).toEqual(new Set(["Bearer token-1"]));
  expect(requests).toHaveLength(1);
});

test("after a failure the next call asks again", async () => {
  const { credentials, requests } = await tokenServer((count) =>
    count === 1 ? { status: 503 } : goodAnswer(count),
  );
  await expect(credentials.authorization(transportCall())).rejects.toMatchObject({
    code: "transport_unavailable",
  });
  expect(await credentials.authorization(transportCall())).toBe("Bearer token-2");
  expect(requests).toHaveLength(2);
});

test.each([
  [400, "transport_unauthorized"],
  [401, "transport_unauthorized"],
  [403, "transport_unauthorized"],
  [404, "transport_unauthorized"],
  [429, "transport_rate_limited"],
  [500, "transport_unavailable"],
])("a token server that answers %i", async (status, code) => {
  const { credentials } = await tokenServer(() => ({ status, json: { error: "invalid_client" } }));
  await expect(credentials.authorization(transportCall())).rejects.toMatchObject({
    code,
    transportId: "sinch",
  });
});

test.each([{}, { access_token: "" }, { access_token: "a\r\nx: y" }, { access_token: 7 }, []])(
  "an answer without a usable token: %j",
  async (json) => {
    const { credentials } = await tokenServer(() => ({ json }));
    await expect(credentials.authorization(transportCall())).rejects.toMatchObject({
      code: "transport_unavailable",
    });
  },
);

test("a refused token is dropped, and the call repeated only when it says that it expired", async () => {
  const { credentials } = await tokenServer();
  const call = transportCall();
  const expired = new Headers({ "www-authenticate": 'Bearer error_description="The token is EXPIRED"' });
  const first = await credentials.authorization(call);
  expect(credentials.renew?.(first, expired)).toBe(true);
  const second = await credentials.authorization(call);
  expect(second).toBe("Bearer token-2");
  // Another call that was refused with the old token must not throw the new one away.
  expect(credentials.renew?.(first, expired)).toBe(true);
  expect(await credentials.authorization(call)).toBe(second);
  expect(credentials.renew?.(second, new Headers())).toBe(false);
  expect(await credentials.authorization(call)).toBe("Bearer token-3");
});
