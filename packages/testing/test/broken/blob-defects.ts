import { type BlobStore, memoryBlobs, readAll } from "@faxbot/core";

/** A blob store with one thing wrong, and the test that has to notice. */
export interface BlobDefect {
  name: string;
  caughtBy: string;
  readonly create: () => BlobStore;
}

function breaking(change: (sound: BlobStore) => Partial<BlobStore>): () => BlobStore {
  return () => {
    const sound = memoryBlobs();
    return { ...sound, ...change(sound) };
  };
}

/** What can go wrong in a blob store, one thing each. */
export const blobDefects: readonly BlobDefect[] = [
  {
    name: "a hash of something else",
    caughtBy: "keeps 1 bytes as they are",
    create: breaking((sound) => ({
      put: async (key, content, options) => ({
        ...(await sound.put(key, content, options)),
        sha256: "0".repeat(64),
      }),
    })),
  },
  {
    name: "a range without its last byte",
    caughtBy: "opens a part, both ends included",
    create: breaking((sound) => ({
      open: (key, range) => sound.open(key, range && { start: range.start, end: range.end - 1 }),
    })),
  },
  {
    name: "half a document",
    caughtBy: "writes nothing when the stream breaks",
    create: breaking((sound) => ({
      put: async (key, content, options) => {
        if (content instanceof Uint8Array) return sound.put(key, content, options);
        await sound.put(key, Buffer.from("begun"));
        return sound.put(key, content, options);
      },
    })),
  },
  {
    name: "deaf to the caller who gives up",
    caughtBy: "writes nothing when the caller aborts",
    create: breaking((sound) => ({
      put: async (key, content, options) => {
        if (options?.signal === undefined || content instanceof Uint8Array) return sound.put(key, content);
        // Takes what has come so far for the whole.
        const reader = content.getReader();
        const { value } = await reader.read();
        return sound.put(key, value ?? Buffer.alloc(0));
      },
    })),
  },
  {
    name: "a first content that stays",
    caughtBy: "replaces what has the key",
    create: breaking((sound) => ({
      put: async (key, content, options) => {
        const kept = await sound.head(key);
        if (kept === undefined) return sound.put(key, content, options);
        return sound.put(key, await readAll(await sound.open(key), kept.size), options);
      },
    })),
  },
  {
    name: "a list of everything",
    caughtBy: "lists by prefix",
    create: breaking((sound) => ({ list: () => sound.list("") })),
  },
  {
    name: "an error for what is gone already",
    caughtBy: "deletes",
    create: breaking((sound) => ({
      delete: async (key) => {
        await sound.open(key);
        await sound.delete(key);
      },
    })),
  },
  {
    name: "keys that lead anywhere",
    caughtBy: 'refuses the key "../outside"',
    create: breaking((sound) => ({ head: async (key) => sound.head(key.replaceAll("..", "up")) })),
  },
];
