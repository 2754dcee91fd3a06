import type { ImapSettings } from "./imap-settings.ts";

/**
 * Tells whether a mail may bring faxes: it has exactly one author, and that one is listed. Several authors are a known
 * way to show a reader one and a filter another.
 *
 * @param authors the addresses of the From header
 */
export function isAllowedSender(
  authors: readonly (string | undefined)[],
  { senders }: Pick<ImapSettings, "senders">,
): boolean {
  const [author, ...more] = authors;
  const address = author?.trim().toLowerCase();
  if (!address || more.length > 0 || /\s/.test(address)) return false;
  const domain = address.slice(address.lastIndexOf("@"));
  return senders.some((sender) => {
    const allowed = sender.toLowerCase();
    return allowed.startsWith("@") ? domain === allowed : address === allowed;
  });
}

/**
 * Tells whether our own mail server vouched for the author's domain: the first `Authentication-Results` header is the
 * one that it put on last (RFC 8601, section 5), names it, and says that DMARC passed. Later headers may be anybody's.
 *
 * @param headers raw header lines
 */
export function isAuthenticated(headers: string, authServer: string): boolean {
  const unfolded = headers.replace(/\r?\n[ \t]+/g, " ");
  const value = /^authentication-results:(.*)$/im.exec(unfolded)?.[1];
  if (value === undefined) return false;
  // What stands in comments and quoted texts is the sender's to choose.
  const bare = value.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\([^()]*\)/g, " ");
  const [server, ...results] = bare.split(";");
  if (/[()"]/.test(bare.replaceAll('""', ""))) return false;
  if (server?.trim().split(/\s+/)[0]?.toLowerCase() !== authServer.toLowerCase()) return false;
  return results.some((result) => /^\s*dmarc\s*=\s*pass(\s|$)/i.test(result));
}
