import { FaxError } from "../transport/fax-error.ts";

const segments = /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/;
const dots = /(?:^|\/)\.{1,2}(?:\/|$)/;

/**
 * Checks a blob's key: a relative path of `[A-Za-z0-9._-]` segments, no segment `.` or `..`, at most 512 characters.
 *
 * @throws FaxError `request_invalid`
 */
export function checkBlobKey(key: string): void {
  if (key.length > 512 || !segments.test(key) || dots.test(key)) {
    throw new FaxError(
      "request_invalid",
      "A blob key must be a relative path of letters, digits and . _ - without . or .. as a part.",
    );
  }
}

/** The error for a key that has no blob. */
export function blobNotFound(cause?: unknown): FaxError {
  return new FaxError("not_found", "There is no such blob.", { cause });
}
