import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  capturingLogger,
  startAmiEmulator,
  startEslEmulator,
  syntheticFaxTiff,
  syntheticPdf,
} from "@faxbot/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { fromEnvironment } from "../src/index.ts";

const secret = "an-internal-secret-of-this-test";
const apiKey = "a key of a test, long enough";

const exchanges = [
  {
    backend: "sip",
    path: "/_internal/asterisk/inbound",
    start: async (folders: { out: string; in: string }) => {
      const emulator = await startAmiEmulator({ completeAfterMs: 20, spoolIn: folders.in });
      const environment = {
        ASTERISK_AMI_PORT: String(emulator.port),
        ASTERISK_AMI_USERNAME: emulator.username,
        ASTERISK_AMI_PASSWORD: emulator.secret,
        ASTERISK_TRUNK: "trunk",
        ASTERISK_SPOOL_OUT: folders.out,
        ASTERISK_SPOOL_IN: folders.in,
        ASTERISK_INBOUND_SECRET: secret,
      };
      return { emulator, environment };
    },
  },
  {
    backend: "freeswitch",
    path: "/_internal/freeswitch/inbound",
    start: async (folders: { out: string; in: string }) => {
      const emulator = await startEslEmulator({ completeAfterMs: 20, spoolIn: folders.in });
      const environment = {
        FREESWITCH_ESL_PORT: String(emulator.port),
        FREESWITCH_ESL_PASSWORD: emulator.password,
        FREESWITCH_GATEWAY_NAME: "trunk",
        FREESWITCH_SPOOL_OUT: folders.out,
        FREESWITCH_SPOOL_IN: folders.in,
        FREESWITCH_INBOUND_SECRET: secret,
      };
      return { emulator, environment };
    },
  },
];

describe.each(exchanges)(
  "a whole Faxbot on an exchange, FAX_BACKEND=$backend",
  ({ backend, path, start }) => {
    async function open() {
      const folder = await mkdtemp(join(tmpdir(), "faxbot-exchange-"));
      const folders = { out: join(folder, "out"), in: join(folder, "in") };
      for (const each of Object.values(folders)) await mkdir(each);
      const { emulator, environment } = await start(folders);
      const house = await fromEnvironment(
        {
          ...environment,
          FAX_BACKEND: backend,
          FAX_DATA_DIR: join(folder, "data"),
          INBOUND_ENABLED: "true",
          API_KEY: apiKey,
        },
        { logger: capturingLogger() },
      );
      onTestFinished(async () => {
        await house.close();
        await emulator.stop();
        await rm(folder, { recursive: true, force: true });
      });
      await house.faxbot.start();
      const call = (target: string, init: RequestInit) =>
        house.api(new Request(`http://localhost${target}`, init));
      return { ...house, emulator, folders, call };
    }

    test("sends a PDF as a fax, tells the published word for it, and leaves no file behind", async () => {
      const { faxbot, emulator, folders, call } = await open();
      const form = new FormData();
      form.set("to", "+12025550123");
      form.set("file", new Blob([syntheticPdf({ pages: 2 })], { type: "application/pdf" }), "order.pdf");
      const accepted = await call("/fax", { method: "POST", headers: { "x-api-key": apiKey }, body: form });
      expect(accepted.status).toBe(202);
      const { id } = (await accepted.json()) as { id: string };
      await vi.waitFor(async () => expect((await faxbot.get(id)).status).toBe("delivered"), 15_000);
      const job = await call(`/fax/${id}`, { headers: { "x-api-key": apiKey } });
      expect(await job.json()).toMatchObject({ status: "delivered", backend, pages: 2 });
      expect(emulator.faxes).toHaveLength(1);
      await vi.waitFor(async () => expect(await readdir(folders.out)).toEqual([]), 5_000);
    }, 30_000);

    test("takes what was received by a hint with the secret, and nothing else", async () => {
      const { inbox, folders, call } = await open();
      const id = randomUUID();
      await writeFile(join(folders.in, `${id}.tif`), syntheticFaxTiff());
      const hint = (body: string, headers: Record<string, string>) =>
        call(path, {
          method: "POST",
          headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
          body,
        });
      const text = `id=${id}&from=%2B13125550177&to=%2B12125550100&status=SUCCESS&pages=1`;
      expect((await hint(text, {})).status).toBe(401);
      expect((await hint(text, { "x-internal-secret": `${secret}x` })).status).toBe(401);
      expect((await hint("id=../../etc/passwd", { "x-internal-secret": secret })).status).toBe(400);
      const taken = await hint(text, { "x-internal-secret": secret });
      expect([taken.status, await taken.json()]).toMatchObject([200, { id }]);
      await vi.waitFor(async () => {
        const { items } = (await inbox?.list({ status: "received" })) ?? { items: [] };
        expect(items).toMatchObject([{ from: "+13125550177", to: "+12125550100", pages: 1, partial: false }]);
      }, 15_000);
      await vi.waitFor(async () => expect(await readdir(folders.in)).toEqual([]), 5_000);
    }, 30_000);
  },
);
