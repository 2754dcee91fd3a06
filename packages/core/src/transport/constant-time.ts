import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Compares two secrets in a time that tells nothing about where they differ. Both are hashed first, so that texts of
 * different length take the same path.
 *
 * @example
 * if (!constantTimeEqual(request.headers.get("x-internal-secret") ?? "", secret)) throw new FaxError("unauthorized", "wrong secret");
 */
export function constantTimeEqual(a: string | Uint8Array, b: string | Uint8Array): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(value: string | Uint8Array): Buffer {
  return createHash("sha256").update(value).digest();
}
