import { randomBytes } from "node:crypto";
import { createFaxbot, type Faxbot, type InboundFax, memoryBlobs, memoryStores } from "@faxbot/core";
import { createInbox } from "@faxbot/inbound";
import { syntheticNumber, syntheticPdf, testTransport } from "@faxbot/testing";
import { beforeEach, describe, expect, it } from "vitest";
import {
  type AuthenticationOptions,
  apiScopes,
  type FaxbotApi,
  faxbotApi,
  type Principal,
} from "../src/index.ts";
import { apiKey, faxForm, publicUrl } from "./running-api.ts";

let faxbot: Faxbot;
let makeApi: (options: AuthenticationOptions) => FaxbotApi;
/** Puts a received fax into the inbox. */
let store: (fax: { tenantId?: string; mailbox?: string }) => Promise<string>;

beforeEach(() => {
  const [stores, blobs] = [memoryStores(), memoryBlobs()];
  const inbox = createInbox({ stores, blobs });
  faxbot = createFaxbot({ transports: [testTransport()], stores, blobs, inbox });
  makeApi = (options) => faxbotApi({ faxbot, inbox, publicUrl, ...options });
  store = async ({ tenantId = "default", mailbox }) => {
    const id = randomBytes(16).toString("hex");
    const blobKey = `inbound/${id}.pdf`;
    const written = await blobs.put(blobKey, syntheticPdf());
    const at = new Date();
    const fax: InboundFax = {
      tenantId,
      id,
      transportId: "test",
      providerId: id,
      status: "received",
      partial: false,
      document: { blobKey, mediaType: "application/pdf", fileName: "fax.pdf", ...written },
      ...(mailbox === undefined ? {} : { mailbox }),
      createdAt: at,
      receivedAt: at,
      updatedAt: at,
      version: 1,
    };
    await stores.inbound.insert(fax);
    return id;
  };
});

const get = (api: FaxbotApi, path: string, headers: Record<string, string> = {}, method = "GET") =>
  api(new Request(`http://localhost${path}`, { method, headers }));
/** An API whose caller is who the test says. */
const apiFor = (principal: Omit<Principal, "subject">) =>
  makeApi({ authenticate: () => ({ subject: "somebody", ...principal }) });

describe("authentication", () => {
  it("must be decided on", () => {
    for (const options of [{}, { apiKey: "" }, { apiKey: "  " }, { allowUnauthenticated: false }]) {
      expect(() => makeApi(options)).toThrow(expect.objectContaining({ code: "config_invalid" }));
    }
  });

  it("takes the key in either header, and no other", async () => {
    const api = makeApi({ apiKey });
    for (const headers of [
      { "x-api-key": apiKey },
      { authorization: `Bearer ${apiKey}` },
      { authorization: `bearer ${apiKey}` },
    ]) {
      expect((await get(api, "/fax", headers)).status).toBe(200);
    }
    for (const headers of [
      {},
      { "x-api-key": "" },
      { "x-api-key": `${apiKey}x` },
      { "x-api-key": apiKey.slice(1) },
      { "x-api-key": apiKey.toUpperCase() },
      { authorization: apiKey },
      { authorization: `Basic ${apiKey}` },
    ] as Record<string, string>[]) {
      const refused = await get(api, "/fax", headers);
      expect(refused.status).toBe(401);
      expect(refused.headers.get("www-authenticate")).toBe("Bearer");
      expect(await refused.json()).toMatchObject({ code: "unauthorized" });
    }
  });

  it("asks the host's port, with the environment's key beside it", async () => {
    const api = makeApi({
      apiKey,
      authenticate: async ({ headers }) =>
        headers.get("authorization") === "Bearer of.a.jwt"
          ? { tenantId: "acme", subject: "user-1", scopes: ["fax:read"] }
          : undefined,
    });
    expect((await get(api, "/fax", { authorization: "Bearer of.a.jwt" })).status).toBe(200);
    expect((await get(api, "/fax", { "x-api-key": apiKey })).status).toBe(200);
    expect((await get(api, "/fax", { authorization: "Bearer another" })).status).toBe(401);
  });

  it("allows calls without a key where that was asked for, but no wrong key", async () => {
    const api = makeApi({ apiKey, allowUnauthenticated: true });
    expect((await get(api, "/fax")).status).toBe(200);
    expect((await get(api, "/fax", { "x-api-key": "wrong" })).status).toBe(401);
  });

  it("comes before anything of the request is looked at", async () => {
    const api = makeApi({ apiKey });
    const form = faxForm({ to: "nonsense" });
    const answer = await api(new Request("http://localhost/fax?x=1", { method: "POST", body: form }));
    expect(answer.status).toBe(401);
    expect((await get(api, "/fax?status=lost")).status).toBe(401);
  });

  it("tells nothing of a port that fails", async () => {
    const api = makeApi({
      authenticate: () => {
        throw new Error("LDAP bind failed for cn=jane,password=hunter2");
      },
    });
    const answer = await get(api, "/fax");
    expect([answer.status, await answer.json()]).toEqual([
      500,
      { detail: "internal error", code: "internal_error" },
    ]);
  });
});

describe("scopes", () => {
  const routes = [
    ["POST", "/fax", "fax:send"],
    ["POST", "/fax/send", "fax:send"],
    ["POST", "/fax/1/cancel", "fax:send"],
    ["GET", "/fax", "fax:read"],
    ["GET", "/fax/1", "fax:read"],
    ["GET", "/fax/status/1", "fax:read"],
    ["GET", "/inbound", "inbound:list"],
    ["GET", "/inbound/1", "inbound:read"],
    ["GET", "/inbound/1/pdf", "inbound:read"],
    ["POST", "/inbound/1/token", "inbound:read"],
  ] as const;

  it.each(routes)("%s %s needs %s", async (method, path, scope) => {
    const others = apiScopes.filter((other) => other !== scope);
    const refused = await get(apiFor({ tenantId: "default", scopes: others }), path, {}, method);
    expect([refused.status, await refused.json()]).toEqual([
      403,
      { detail: `this call needs the scope ${scope}`, code: "forbidden" },
    ]);
    const allowed = await get(apiFor({ tenantId: "default", scopes: [scope] }), path, {}, method);
    expect([401, 403]).not.toContain(allowed.status);
  });

  it("can be held for one mailbox alone", async () => {
    const pharmacy = await store({ mailbox: "pharmacy" });
    const lab = await store({ mailbox: "lab" });
    const none = await store({});
    const api = apiFor({ tenantId: "default", scopes: ["inbound:list:pharmacy", "inbound:read:pharmacy"] });
    const listed = async (query = "") => {
      const response = await get(api, `/inbound${query}`);
      return response.status === 200
        ? ((await response.json()) as { id: string }[]).map(({ id }) => id)
        : response.status;
    };
    expect(await listed()).toEqual([pharmacy]);
    expect(await listed("?mailbox=pharmacy")).toEqual([pharmacy]);
    expect(await listed("?mailbox=lab")).toBe(403);
    for (const [id, status] of [
      [pharmacy, 200],
      [lab, 404],
      [none, 404],
    ] as const) {
      expect((await get(api, `/inbound/${id}`)).status).toBe(status);
      expect((await get(api, `/inbound/${id}/pdf`)).status).toBe(status);
      expect((await get(api, `/inbound/${id}/token`, {}, "POST")).status).toBe(status);
    }
  });
});

describe("tenants", () => {
  it("see their own faxes alone", async () => {
    const acme = apiFor({ tenantId: "acme", scopes: ["*"] });
    const other = apiFor({ tenantId: "other", scopes: ["*"] });
    const sent = await acme(
      new Request("http://localhost/fax", { method: "POST", body: faxForm({ to: syntheticNumber(1) }) }),
    );
    const { id } = (await sent.json()) as { id: string };
    expect((await faxbot.forTenant("acme").get(id)).tenantId).toBe("acme");
    expect((await get(acme, `/fax/${id}`)).status).toBe(200);
    expect((await get(other, `/fax/${id}`)).status).toBe(404);
    expect((await get(other, `/fax/${id}/cancel`, {}, "POST")).status).toBe(404);
    expect(await (await get(other, "/fax")).json()).toEqual({ items: [], next_cursor: null });
  });

  it("get links that open their own documents alone", async () => {
    const id = await store({ tenantId: "acme" });
    const acme = apiFor({ tenantId: "acme", scopes: ["*"] });
    const other = apiFor({ tenantId: "other", scopes: ["*"] });
    const { url } = (await (await get(acme, `/inbound/${id}/token`, {}, "POST")).json()) as { url: string };
    expect((await acme(new Request(url))).status).toBe(200);
    expect((await acme(new Request(url.replace("tenant=acme", "tenant=other")))).status).toBe(403);
    expect((await acme(new Request(url.replace("&tenant=acme", "")))).status).toBe(403);
    expect((await acme(new Request(url.replace("tenant=acme", "tenant=../x")))).status).toBe(400);
    expect((await get(other, `/inbound/${id}/pdf`)).status).toBe(404);
    expect((await get(other, `/inbound/${id}/token`, {}, "POST")).status).toBe(404);
  });
});
