/** The bytes of the only strip of a little-endian one-page TIFF: just enough of a reader to look at libtiff's output. */
export function onlyStrip(tiff: Uint8Array): Uint8Array {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const directory = view.getUint32(4, true);
  const number = (tag: number): number => {
    for (let index = 0; index < view.getUint16(directory, true); index++) {
      const at = directory + 2 + index * 12;
      if (view.getUint16(at, true) !== tag) continue;
      if (view.getUint32(at + 4, true) !== 1) throw new Error(`tag ${tag} has more than one value`);
      return view.getUint16(at + 2, true) === 3 ? view.getUint16(at + 8, true) : view.getUint32(at + 8, true);
    }
    throw new Error(`tag ${tag} is missing`);
  };
  return tiff.subarray(number(273), number(273) + number(279));
}
