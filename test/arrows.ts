/** Which packages may import which. A new package is added here first. */
export interface Arrow {
  /**
   * Specifiers of ours that the package's sources may import. `@faxbot/core` includes all its entries;
   * `@faxbot/core/transport` is that entry alone. `any` means the public entries of all packages.
   */
  imports: readonly string[] | "any";
  /** Third-party packages it may depend on at run time; absent: no limit. */
  thirdParty?: readonly string[];
}

const transport: Arrow = { imports: ["@faxbot/core/transport"] };
const onCore: Arrow = { imports: ["@faxbot/core"] };

/** By folder under `packages/`. */
export const arrows: Readonly<Record<string, Arrow>> = {
  core: { imports: [], thirdParty: ["zod", "ky", "@fastify/busboy"] },
  documents: onCore,
  sinch: transport,
  phaxio: transport,
  signalwire: transport,
  humblefax: transport,
  asterisk: transport,
  freeswitch: transport,
  imap: transport,
  inbound: onCore,
  "spam-score": onCore,
  kysely: onCore,
  s3: onCore,
  "pg-boss": onCore,
  http: onCore,
  client: { imports: [] },
  mcp: { imports: ["@faxbot/client"] },
  cli: { imports: "any" },
  testing: { imports: "any" },
};

/** Folders whose files stand alone: they import nothing of ours from outside. A third party needs only this one. */
export const standsAlone: readonly string[] = ["packages/core/src/transport"];

/** Providers. Only a provider's own package, those below and the documentation know them by name. */
export const providerNames = [
  "sinch",
  "phaxio",
  "signalwire",
  "humblefax",
  "asterisk",
  "freeswitch",
] as const;

/** Packages that may name every provider. */
export const namesProviders: readonly string[] = ["testing", "cli"];

/** A provider's package that has to name another provider, and why. */
export const namesAnother: ReadonlyArray<{
  folder: string;
  provider: (typeof providerNames)[number];
  why: string;
}> = [
  { folder: "sinch", provider: "phaxio", why: "its settings fall back to the variables of its predecessor" },
];

/** Names that say nothing about what a file or folder holds. */
export const emptyNames = [
  "utils",
  "util",
  "helpers",
  "helper",
  "common",
  "shared",
  "types",
  "constants",
  "misc",
] as const;
