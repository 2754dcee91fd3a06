import type { PackedCode } from "./ccitt-tables.ts";

/** From here on a buffer that is full is kept and another one begun: copying it to a larger one would take long. */
const largestGrown = 1 << 20;

/** Collects codes of 1 to 16 bits, most significant bit first, in buffers that grow. */
export class BitWriter {
  readonly #full: Uint8Array[] = [];
  #fullLength = 0;
  #bytes: Uint8Array;
  #length = 0;
  #pending = 0;
  #pendingBits = 0;

  /** @param capacity the bytes to start with; a guess saves copies */
  constructor(capacity = 1 << 16) {
    this.#bytes = new Uint8Array(Math.max(16, capacity));
  }

  /** How many bits were written. */
  get bitLength(): number {
    return (this.#fullLength + this.#length) * 8 + this.#pendingBits;
  }

  /** Makes room for `bytes` more bytes. {@link write} does not check: call this first, once per row. */
  reserve(bytes: number): void {
    const needed = this.#length + bytes + 4;
    if (needed <= this.#bytes.length) return;
    if (this.#length >= largestGrown) {
      this.#full.push(this.#bytes.subarray(0, this.#length));
      this.#fullLength += this.#length;
      this.#bytes = new Uint8Array(Math.max(bytes + 4, largestGrown));
      this.#length = 0;
      return;
    }
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  /** Appends one code. The caller has reserved room for it. */
  write(code: PackedCode): void {
    const bits = code & 15;
    this.writeBits(code >>> 4, bits);
  }

  /**
   * Appends the lowest `bits` bits of `value`; the bits above them must be 0. The caller has reserved room for them.
   *
   * @param bits 0 to 16
   */
  writeBits(value: number, bits: number): void {
    let pendingBits = this.#pendingBits + bits;
    // At most 7 + 16 bits are pending, so nothing is shifted out of the 32 that matter.
    const pending = (this.#pending << bits) | value;
    while (pendingBits >= 8) {
      pendingBits -= 8;
      this.#bytes[this.#length++] = pending >>> pendingBits;
    }
    this.#pending = pending & 0xff;
    this.#pendingBits = pendingBits;
  }

  /**
   * Pads with zero bits up to a byte boundary and returns the bytes: a view, valid as long as nothing more is written, or a
   * copy where they are many.
   */
  finish(): Uint8Array {
    const parts = this.finishParts();
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }

  /** Does what {@link finish} does without a copy: the bytes in pieces, views. */
  finishParts(): Uint8Array[] {
    if (this.#pendingBits > 0) {
      this.reserve(1);
      this.writeBits(0, 8 - this.#pendingBits);
    }
    return [...this.#full, this.#bytes.subarray(0, this.#length)];
  }
}
