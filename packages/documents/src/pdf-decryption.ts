import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { FaxError } from "@faxbot/core/transport";
import { isPdfDictionary, type PdfDictionary, PdfSyntaxError, type PdfValue } from "./pdf-parser.ts";
import type { TimeSlice } from "./time-slice.ts";

// ISO 32000-1, 7.6.3.3: what an absent password is padded with.
const passwordPadding = Buffer.from(
  "28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a",
  "hex",
);

type Method = "identity" | "rc4" | "aes128" | "aes256";

/** Decrypts the streams of a PDF that opens without a password, one that has only an owner password. */
export class PdfDecryption {
  readonly #key: Buffer;
  readonly #method: Method;

  private constructor(key: Buffer, method: Method) {
    this.#key = key;
    this.#method = method;
  }

  /**
   * Tries the empty password (ISO 32000-2, 7.6.4).
   *
   * @param encrypt the `/Encrypt` dictionary, all values direct
   * @param fileId the first string of the trailer's `/ID`; empty when there is none
   * @throws FaxError `document_encrypted` when a password or an unknown security handler is needed
   */
  static async open(encrypt: PdfDictionary, fileId: Uint8Array, slice: TimeSlice): Promise<PdfDecryption> {
    const locked = () => new FaxError("document_encrypted", "the PDF needs a password");
    if (encrypt.get("Filter") !== "Standard") throw locked();
    const version = encrypt.get("V");
    const revision = encrypt.get("R");
    const method = streamMethod(encrypt);
    if (method === undefined || typeof version !== "number" || typeof revision !== "number") throw locked();
    const key =
      version === 5
        ? await keyOfRevision5And6(encrypt, revision, slice)
        : keyOfRevision2To4(encrypt, revision, fileId);
    if (key === undefined) throw locked();
    return new PdfDecryption(key, method);
  }

  /** Decrypts the data of one stream. */
  async decrypt(data: Uint8Array, number: number, generation: number, slice: TimeSlice): Promise<Uint8Array> {
    switch (this.#method) {
      case "identity":
        return data;
      case "rc4":
        return rc4InSlices(this.#objectKey(number, generation, ""), data, slice);
      case "aes128":
        return aes("aes-128-cbc", this.#objectKey(number, generation, "sAlT"), data);
      case "aes256":
        return aes("aes-256-cbc", this.#key, data);
      default:
        return this.#method satisfies never;
    }
  }

  // ISO 32000-1, 7.6.2, algorithm 1.
  #objectKey(number: number, generation: number, salt: string): Buffer {
    const suffix = Buffer.from([
      number & 255,
      (number >>> 8) & 255,
      (number >>> 16) & 255,
      generation & 255,
      (generation >>> 8) & 255,
    ]);
    const hash = md5(this.#key, suffix, Buffer.from(salt, "latin1"));
    return hash.subarray(0, Math.min(this.#key.length + 5, 16));
  }
}

function streamMethod(encrypt: PdfDictionary): Method | undefined {
  const version = encrypt.get("V");
  if (version === 1 || version === 2) return "rc4";
  if (version !== 4 && version !== 5) return undefined;
  const name = encrypt.get("StmF") ?? "Identity";
  if (name === "Identity") return "identity";
  const filters = encrypt.get("CF");
  const filter = isPdfDictionary(filters) && typeof name === "string" ? filters.get(name) : undefined;
  const method = isPdfDictionary(filter) ? filter.get("CFM") : undefined;
  if (method === "V2") return "rc4";
  if (method === "AESV2") return "aes128";
  if (method === "AESV3") return "aes256";
  return method === "None" ? "identity" : undefined;
}

// ISO 32000-1, 7.6.3, algorithms 2, 4 and 5.
function keyOfRevision2To4(encrypt: PdfDictionary, revision: number, fileId: Uint8Array): Buffer | undefined {
  if (revision < 2 || revision > 4) return undefined;
  const owner = bytesOf(encrypt.get("O"), 32);
  const user = bytesOf(encrypt.get("U"), 32);
  const permissions = encrypt.get("P");
  if (owner === undefined || user === undefined || typeof permissions !== "number") return undefined;
  const length = keyLength(encrypt, revision);
  const flags = Buffer.alloc(4);
  flags.writeInt32LE(permissions | 0);
  const unsealedMetadata = revision === 4 && encrypt.get("EncryptMetadata") === false;
  let key = md5(passwordPadding, owner, flags, fileId, Buffer.alloc(unsealedMetadata ? 4 : 0, 255));
  if (revision >= 3) for (let round = 0; round < 50; round += 1) key = md5(key.subarray(0, length));
  key = key.subarray(0, length);
  if (revision === 2) return Buffer.compare(rc4(key, passwordPadding), user) === 0 ? key : undefined;
  let check: Uint8Array = md5(passwordPadding, fileId);
  for (let round = 0; round < 20; round += 1) {
    check = rc4(
      key.map((byte) => byte ^ round),
      check,
    );
  }
  return Buffer.compare(check, user.subarray(0, 16)) === 0 ? key : undefined;
}

function keyLength(encrypt: PdfDictionary, revision: number): number {
  if (revision === 2) return 5;
  const bits = encrypt.get("Length");
  // V 4 is always 128 bits; writers leave /Length out or give it in bytes.
  if (encrypt.get("V") === 4 || typeof bits !== "number") return encrypt.get("V") === 4 ? 16 : 5;
  return bits >= 40 && bits <= 128 ? bits >>> 3 : 5;
}

// ISO 32000-2, 7.6.4.4.10, algorithm 2.A. Revision 5 is Adobe's extension level 3, with a plain SHA-256.
async function keyOfRevision5And6(
  encrypt: PdfDictionary,
  revision: number,
  slice: TimeSlice,
): Promise<Buffer | undefined> {
  const user = bytesOf(encrypt.get("U"), 48);
  const userKey = bytesOf(encrypt.get("UE"), 32);
  if (user === undefined || userKey === undefined || (revision !== 5 && revision !== 6)) return undefined;
  const hash = async (salt: Buffer) => (revision === 5 ? sha(256, salt) : hardenedHash(salt, slice));
  if (Buffer.compare(await hash(user.subarray(32, 40)), user.subarray(0, 32)) !== 0) return undefined;
  const decipher = createDecipheriv("aes-256-cbc", await hash(user.subarray(40, 48)), Buffer.alloc(16));
  decipher.setAutoPadding(false);
  return Buffer.concat([decipher.update(userKey), decipher.final()]);
}

// ISO 32000-2, 7.6.4.3.4, algorithm 2.B, for the empty password.
async function hardenedHash(salt: Buffer, slice: TimeSlice): Promise<Buffer> {
  let key = sha(256, salt);
  for (let round = 0; ; round += 1) {
    if (slice.due()) await slice.pause();
    const input = Buffer.concat(Array.from({ length: 64 }, () => key));
    const cipher = createCipheriv("aes-128-cbc", key.subarray(0, 16), key.subarray(16, 32));
    cipher.setAutoPadding(false);
    const encrypted = cipher.update(input);
    // The first 16 bytes as a big-endian number modulo 3; 256 is 1 modulo 3, so the sum of the bytes does.
    const remainder = encrypted.subarray(0, 16).reduce((sum, byte) => sum + byte, 0) % 3;
    key = sha(remainder === 0 ? 256 : remainder === 1 ? 384 : 512, encrypted);
    if (round >= 63 && (encrypted.at(-1) as number) <= round - 31) return key.subarray(0, 32);
  }
}

function bytesOf(value: PdfValue | undefined, length: number): Buffer | undefined {
  return value instanceof Uint8Array && value.length >= length
    ? Buffer.from(value.subarray(0, length))
    : undefined;
}

function md5(...parts: Uint8Array[]): Buffer {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function sha(bits: 256 | 384 | 512, data: Uint8Array): Buffer {
  return createHash(`sha${bits}`).update(data).digest();
}

function aes(algorithm: "aes-128-cbc" | "aes-256-cbc", key: Buffer, data: Uint8Array): Uint8Array {
  try {
    const decipher = createDecipheriv(algorithm, key, data.subarray(0, 16));
    // Padding is not checked: writers get it wrong, and Flate data ends by itself.
    decipher.setAutoPadding(false);
    return decipher.update(data.subarray(16, data.length - (data.length % 16)));
  } catch {
    throw new PdfSyntaxError("damaged encrypted data");
  }
}

// OpenSSL 3 has RC4 only in its legacy provider.
function* rc4Chunks(key: Uint8Array, data: Uint8Array): Generator<undefined, Uint8Array> {
  const state = Uint8Array.from({ length: 256 }, (_, index) => index);
  for (let i = 0, j = 0; i < 256; i += 1) {
    j = (j + (state[i] as number) + (key[i % key.length] as number)) & 255;
    [state[i], state[j]] = [state[j] as number, state[i] as number];
  }
  const out = new Uint8Array(data.length);
  for (let at = 0, i = 0, j = 0; at < data.length; at += 1) {
    if ((at & 0xffff) === 0xffff) yield;
    i = (i + 1) & 255;
    const a = state[i] as number;
    j = (j + a) & 255;
    const b = state[j] as number;
    state[i] = b;
    state[j] = a;
    out[at] = (data[at] as number) ^ (state[(a + b) & 255] as number);
  }
  return out;
}

/** For the few bytes of keys and checks. */
function rc4(key: Uint8Array, data: Uint8Array): Uint8Array {
  return rc4Chunks(key, data).next().value ?? new Uint8Array();
}

async function rc4InSlices(key: Uint8Array, data: Uint8Array, slice: TimeSlice): Promise<Uint8Array> {
  const chunks = rc4Chunks(key, data);
  for (;;) {
    const { done, value } = chunks.next();
    if (done) return value;
    if (slice.due()) await slice.pause();
  }
}
