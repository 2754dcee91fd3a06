declare module "utif" {
  /** A directory; its tags are `t` and their number. */
  interface UtifDirectory {
    width: number;
    height: number;
    [tag: `t${number}`]: number[] | undefined;
  }
  const utif: {
    decode(buffer: ArrayBuffer): UtifDirectory[];
    decodeImage(buffer: ArrayBuffer, directory: UtifDirectory): void;
    toRGBA8(directory: UtifDirectory): Uint8Array;
  };
  export = utif;
}
