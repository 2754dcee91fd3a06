import { randomBytes } from "node:crypto";
import type { Fax } from "@faxbot/core";

/** A fax as `send` records it. */
export function fax(fields: Partial<Fax> = {}): Fax {
  const now = new Date("2026-11-25T12:00:00.123Z");
  const id = randomBytes(16).toString("hex");
  return {
    tenantId: "default",
    id,
    to: "+12025550123",
    status: "queued",
    transportId: "test",
    document: {
      blobKey: `outbound/${id}.pdf`,
      mediaType: "application/pdf",
      fileName: "order.pdf",
      size: 1234,
      sha256: "0".repeat(64),
    },
    options: {},
    attempts: 0,
    expiresAt: new Date(now.getTime() + 86_400_000),
    createdAt: now,
    updatedAt: now,
    version: 1,
    ...fields,
  };
}
