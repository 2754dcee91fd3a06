/** Calls of the operating system that come before a connection exists: `error.syscall` says which one failed. */
const beforeConnection = /^(connect|getaddrinfo|query[A-Za-z]*)$/;

/**
 * Codes of errors that are raised before a TLS connection may carry data: the peer's certificate was refused by us
 * (Node's "X509 certificate error codes"), or no protocol version fits. Alerts and `EPROTO` are left out on purpose:
 * under TLS 1.3 a peer may send them after it read our request.
 */
const beforeTls = new Set([
  "CERT_CHAIN_TOO_LONG",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REJECTED",
  "CERT_REVOKED",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "CRL_HAS_EXPIRED",
  "CRL_NOT_YET_VALID",
  "CRL_SIGNATURE_FAILURE",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERROR_IN_CERT_NOT_AFTER_FIELD",
  "ERROR_IN_CERT_NOT_BEFORE_FIELD",
  "ERROR_IN_CRL_LAST_UPDATE_FIELD",
  "ERROR_IN_CRL_NEXT_UPDATE_FIELD",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "PATH_LENGTH_EXCEEDED",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
  "UNABLE_TO_DECRYPT_CRL_SIGNATURE",
  "UNABLE_TO_GET_CRL",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "ERR_TLS_HANDSHAKE_TIMEOUT",
  "ERR_SSL_UNSUPPORTED_PROTOCOL",
  // undici gave up before the connection stood
  "UND_ERR_CONNECT_TIMEOUT",
]);

/**
 * Tells whether a thrown network error *proves* that no byte of the request left: connection refused or never
 * established, name not resolved, or TLS refused before data. Whatever is not proven counts as possibly sent.
 *
 * Wrappers without a code of their own (`TypeError: fetch failed`) are looked through. When several addresses were
 * tried (happy eyeballs, `AggregateError`), every single try has to have failed that early.
 *
 * @example
 * try {
 *   await fetch(url, { method: "POST", body });
 * } catch (error) {
 *   if (!provenNotSent(error)) throw new FaxError("outcome_unknown", "the connection broke");
 * }
 */
export function provenNotSent(error: unknown): boolean {
  // A chain of causes can be a circle; eight wrappers are more than any library uses.
  let current = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    if (current instanceof AggregateError) {
      return current.errors.length > 0 && current.errors.every((each) => provenNotSent(each));
    }
    const { code, syscall } = current as NodeJS.ErrnoException;
    if (syscall !== undefined) return beforeConnection.test(syscall);
    if (code !== undefined) return beforeTls.has(code);
    current = current.cause;
  }
  return false;
}

/**
 * Says in codes what broke, e.g. `TypeError, ECONNREFUSED (connect)`. An error's own message is left out: a foreign
 * `fetch` may quote the URL, and with it a phone number.
 */
export function describeNetworkFailure(error: unknown): string {
  const words: string[] = [];
  let current = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    const { code, syscall } = current as NodeJS.ErrnoException;
    const word = typeof code === "string" && /^[A-Z0-9_]+$/.test(code) ? code : current.name;
    words.push(syscall && /^[a-zA-Z]+$/.test(syscall) ? `${word} (${syscall})` : word);
    current = current.cause;
  }
  return words.join(", ") || "not an error";
}
