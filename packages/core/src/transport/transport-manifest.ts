import { z } from "zod";

const capabilityNames = [
  "send",
  "get_status",
  "find_by_reference",
  "cancel",
  "webhook",
  "fetch_document",
  "delete_document",
  "run",
] as const;

/** An optional method of a transport, by the name that the manifest lists it under. */
export type Capability = (typeof capabilityNames)[number];

const rateLimitsSchema = z.strictObject({
  requests_per_second: z.number().positive().optional(),
  max_recipients: z.number().int().positive().optional(),
  max_file_size_mb: z.number().positive().optional(),
});

/** Published facts about a provider, under the keys of `docs/provider_traits.json`. They inform people and pages; the engine reads none of them but `rate_limits`, for the limiter that it makes. */
const traitsSchema = z.strictObject({
  send_fax: z.boolean(),
  status_callback: z.boolean(),
  inbound_supported: z.boolean(),
  cancel_supported: z.boolean().default(false),
  regions: z.array(z.string()).default([]),
  regional_endpoints: z.boolean().default(false),
  requires_ghostscript: z.boolean().default(false),
  requires_ami: z.boolean().default(false),
  requires_tiff: z.boolean().default(false),
  needs_storage: z.boolean().default(false),
  hipaa_compliant: z.boolean().default(false),
  baa_available: z.boolean().default(false),
  rate_limits: rateLimitsSchema.default({}),
  imap_supported: z.boolean().default(false),
  oauth2_supported: z.boolean().default(false),
  outbound_status_only: z.boolean().default(false),
  twilio_compatible: z.boolean().default(false),
  t38_protocol: z.boolean().default(false),
  mod_spandsp: z.boolean().default(false),
  event_socket: z.boolean().default(false),
  cost_free: z.boolean().default(false),
  testing_only: z.boolean().default(false),
  special_features: z.array(z.string()).default([]),
});

const webhookSchema = z.strictObject({
  /** How a webhook proves where it comes from. With `none` the body is only a hint and core re-reads the fax by id. */
  verification: z.enum(["hmac_sha256", "hmac_sha1", "basic_auth", "url_token", "internal_secret", "none"]),
  /** Mount paths, classic aliases included; each starts with a slash. */
  paths: z.array(z.string().regex(/^\/[a-z0-9/_-]+$/)),
  /** The header that carries the proof. */
  verifyHeader: z.string().optional(),
});

/**
 * The one schema that every transport's manifest is checked against.
 */
export const transportManifestSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z][a-z0-9-]{1,31}$/),
    /** Other names that settings and requests may use, e.g. `sip` for `asterisk`. */
    aliases: z.array(z.string()).default([]),
    /** The word that the REST API publishes as `backend`; default: the id. */
    backendName: z.string().optional(),
    name: z.string().min(1),
    version: z.string().min(1),
    kind: z.enum(["cloud", "self_hosted", "test"]),
    status: z.enum(["stable", "beta", "experimental"]),
    description: z.string().min(1),
    categories: z.array(z.string()).default([]),
    /** Without `send` it is a source of received faxes alone: it is never chosen for sending, and its `send` refuses. */
    capabilities: z.array(z.enum(capabilityNames)),
    /** Media types that `send` takes, best first. */
    accepts: z.array(z.string()).min(1),
    /**
     * How the provider gets the document: `push` in the call, or `pull` from `SendJob.documentUrl`, which core serves
     * under a token. With `pull` a transport works only where a public URL is configured.
     */
    documentDelivery: z.enum(["push", "pull"]).default("push"),
    /**
     * True when the transport's copy of a received document is ours to clear away: a file in a telephone exchange's
     * spool. The inbox has it deleted once the document is stored. A provider's copy is left to its own retention.
     */
    removesReceived: z.boolean().default(false),
    /**
     * What a search by reference proves. `authoritative`: "not found" means the provider never took the fax, once
     * `settleMs` milliseconds have passed since the call.
     */
    lookup: z.strictObject({ authoritative: z.boolean(), settleMs: z.number().int().nonnegative() }),
    /**
     * Who dials again after busy and the like. `configurable`: we ask the provider for none and retry ourselves;
     * `vendor`: the provider always does, so our own retries for line conditions default to none.
     */
    redials: z.enum(["none", "configurable", "vendor"]),
    /** HTTP statuses of `send` that prove the provider did not take the fax, each with where that is documented. */
    definiteRejections: z.array(
      z.strictObject({ status: z.number().int().min(400).max(599), source: z.string().min(1) }),
    ),
    /** True when only one replica may call `run` at a time. */
    singleton: z.boolean().default(false),
    webhook: webhookSchema.optional(),
    auth: z.strictObject({ methods: z.array(z.enum(["basic", "oauth2", "ami", "esl", "none"])) }),
    traits: traitsSchema,
    /** JSON Schema (2020-12) of the settings, made from the settings' zod object by {@link defineManifest}. */
    configSchema: z.record(z.string(), z.unknown()),
  })
  .refine(({ capabilities, traits }) => capabilities.includes("send") === traits.send_fax, {
    path: ["capabilities"],
    error: "must list send if, and only if, the trait send_fax says so",
  })
  .refine(
    ({ capabilities }) =>
      ["send", "webhook", "run"].some((each) => (capabilities as string[]).includes(each)),
    {
      path: ["capabilities"],
      error: "must list send, webhook or run",
    },
  );

/** What a transport says about itself: plain data. */
export type TransportManifest = z.output<typeof transportManifestSchema>;

/** A manifest as its author writes it: defaults may be left out, `configSchema` is made. */
export type TransportManifestInput = Omit<z.input<typeof transportManifestSchema>, "configSchema">;
