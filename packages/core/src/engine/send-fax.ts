import { createHash, randomBytes } from "node:crypto";
import type { SendInput } from "../faxbot.ts";
import type { Fax, StoredDocument } from "../records/fax.ts";
import { FaxError } from "../transport/fax-error.ts";
import type { FaxTransportV1 } from "../transport/fax-transport.ts";
import type { Engine } from "./engine.ts";
import { canSend, findTransport } from "./find-transport.ts";
import { readUpload } from "./read-upload.ts";
import { notify, openAttempt } from "./record-signal.ts";

interface CheckedInput {
  to: string;
  from: string | undefined;
  transport: FaxTransportV1;
  sendAt: Date;
  expiresAt: Date;
  now: Date;
}

/**
 * Accepts a fax: the document into the blob store, then job, first attempt and idempotency key in one transaction.
 *
 * @throws FaxError as `Faxbot.send` says
 */
export async function sendFax<Trx>(
  engine: Engine<Trx>,
  tenantId: string,
  input: SendInput,
  trx: Trx | undefined,
): Promise<Fax> {
  const checked = check(engine, input);
  const id = randomBytes(16).toString("hex");
  const blobKey = `outbound/${tenantId}/${id}`;
  const document = await readUpload(engine, blobKey, input.document, checked.transport.manifest.accepts);
  let accepted: { fax: Fax; fresh: boolean };
  try {
    const accept = (own: Trx) => record(engine, tenantId, id, input, checked, document, own);
    await engine.faultPoint("send.before-commit");
    accepted = await (trx === undefined ? engine.stores.transaction(accept) : accept(trx));
  } catch (error) {
    await engine.blobs.delete(blobKey).catch(() => {});
    throw error;
  }
  await engine.faultPoint("send.after-commit");
  if (!accepted.fresh) await engine.blobs.delete(blobKey).catch(() => {});
  // In the host's own transaction the fax is not there yet for others; then the poll finds it after the commit.
  else if (trx === undefined) await engine.wakeUp.notify();
  return accepted.fax;
}

function check<Trx>(engine: Engine<Trx>, input: SendInput): CheckedInput {
  const now = engine.clock.now();
  const transport = input.transport
    ? findTransport(engine, input.transport)
    : [...engine.transports.values()].find(canSend);
  if (!transport) throw new FaxError("unsupported", "no transport here can send");
  if (!canSend(transport)) {
    throw new FaxError("unsupported", "this transport receives only", { transportId: transport.id });
  }
  const key = input.idempotencyKey;
  if (key !== undefined && !/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new FaxError("request_invalid", "idempotencyKey must be 1 to 255 printable ASCII characters");
  }
  const sendAt = input.sendAt ?? now;
  if (Number.isNaN(sendAt.getTime())) throw new FaxError("request_invalid", "sendAt is not a time");
  const start = new Date(Math.max(sendAt.getTime(), now.getTime()));
  const expiresAt = input.expiresAt ?? new Date(start.getTime() + engine.delivery.expiresAfterMs);
  if (!(expiresAt > start)) throw new FaxError("request_invalid", "expiresAt must be after sendAt and now");
  const to = engine.number(input.to, "to");
  const from = input.from === undefined ? undefined : engine.number(input.from, "from");
  const options = input.options ?? {};
  transport.checkJob?.({ to, ...(from ? { from } : {}), options });
  if (input.cover && !engine.documents?.adds?.includes("cover")) {
    throw new FaxError("unsupported", "a cover page needs a document engine that makes them");
  }
  return { to, from, transport, sendAt: start, expiresAt, now };
}

async function record<Trx>(
  engine: Engine<Trx>,
  tenantId: string,
  id: string,
  input: SendInput,
  checked: CheckedInput,
  document: StoredDocument,
  trx: Trx,
): Promise<{ fax: Fax; fresh: boolean }> {
  const { stores } = engine;
  const { to, from, transport, sendAt, expiresAt, now } = checked;
  if (input.idempotencyKey !== undefined) {
    const fingerprint = fingerprintOf(input, checked, document);
    const claim = await stores.idempotency.claim(
      { tenantId, key: input.idempotencyKey, fingerprint, faxId: id, createdAt: now },
      trx,
    );
    if (!claim.claimed) {
      if (claim.fingerprint !== fingerprint) {
        throw new FaxError("idempotency_conflict", "this idempotency key was used for another request");
      }
      const earlier = await stores.faxes.get(tenantId, claim.faxId, trx);
      if (!earlier) throw new FaxError("not_found", "the fax of this idempotency key no longer exists");
      return { fax: earlier, fresh: false };
    }
  }
  const fax: Fax = {
    tenantId,
    id,
    to,
    status: "queued",
    transportId: transport.id,
    document,
    options: input.options ?? {},
    attempts: 0,
    expiresAt,
    createdAt: now,
    updatedAt: now,
    version: 1,
    ...(from ? { from } : {}),
    ...(input.transport ? { requestedTransportId: transport.id } : {}),
    ...(input.cover ? { cover: input.cover } : {}),
  };
  await openAttempt(engine, fax, transport.id, sendAt, now, trx);
  await stores.faxes.insert(fax, trx);
  await notify(engine, "fax.queued", fax, now, trx);
  return { fax, fresh: true };
}

/** Two requests are the same when everything that decides what is sent, where and when is the same. */
function fingerprintOf(input: SendInput, checked: CheckedInput, document: StoredDocument): string {
  const parts = [
    checked.to,
    checked.from ?? null,
    input.transport ?? null,
    document.sha256,
    input.sendAt?.getTime() ?? null,
    input.expiresAt?.getTime() ?? null,
    sorted(input.cover),
    sorted(input.options),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** The same value with object keys in one order, so that their order makes no difference. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value ?? null;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]),
  );
}
