import { randomBytes } from "node:crypto";
import { syntheticPdf } from "@faxbot/testing";

/** An attachment of {@link faxMail}. */
export interface Attachment {
  content?: Uint8Array;
  type?: string;
  fileName?: string;
}

/** Writes a mail as a fax service sends it. */
export function faxMail(
  more: { from?: string; messageId?: string; headers?: string[]; attachments?: Attachment[] } = {},
): string {
  const boundary = `b-${randomBytes(8).toString("hex")}`;
  const messageId = more.messageId ?? `<${randomBytes(8).toString("hex")}@fax.example.net>`;
  const parts = (more.attachments ?? [{}]).map(({ content = syntheticPdf(), type, fileName }) =>
    [
      `--${boundary}`,
      `Content-Type: ${type ?? "application/pdf"}`,
      `Content-Disposition: attachment; filename="${fileName ?? "fax.pdf"}"`,
      "Content-Transfer-Encoding: base64",
      "",
      ...(Buffer.from(content)
        .toString("base64")
        .match(/.{1,76}/g) ?? []),
    ].join("\r\n"),
  );
  return [
    ...(more.headers ?? []),
    `From: ${more.from ?? "Fax <noreply@fax.example.net>"}`,
    "To: fax@example.com",
    "Subject: You have a new fax from +12025550142",
    "Date: Thu, 15 Jan 2026 15:00:00 +0000",
    ...(messageId === "" ? [] : [`Message-ID: ${messageId}`]),
    "MIME-Version: 1.0",
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=utf-8",
    "",
    "A fax is attached.",
    ...parts,
    `--${boundary}--`,
    "",
  ].join("\r\n");
}
