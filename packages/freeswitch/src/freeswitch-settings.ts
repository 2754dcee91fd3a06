import {
  callLadderSchema,
  callLadderText,
  defaultCallLadder,
  headerTextOf,
  internalSecretSchema,
  isE164,
  spoolFolderSchema,
  stationIdOf,
  trunkNameSchema,
} from "@faxbot/core/transport";
import { z } from "zod";

/** What every FreeSWITCH of the world is installed with. */
const knownPassword = /^cluecon$/i;

/** Printable, so that it cannot end the line that it is sent in. */
const password = z
  .string()
  .min(8)
  .max(200)
  .regex(/^[\x21-\x7e]+$/)
  .refine((text) => !knownPassword.test(text), "must not be the password that FreeSWITCH is installed with");

const optionalNumber = z.string().refine(isE164, "must be a number in E.164 form").optional();

/** The settings of one FreeSWITCH. */
export const freeswitchSettings = z
  .strictObject({
    host: z
      .string()
      .regex(/^[A-Za-z0-9.:_-]{1,253}$/, "must be a host name or an address")
      .default("localhost")
      .meta({
        env: "FREESWITCH_ESL_HOST",
        secret: false,
        title: "Host",
        description:
          "Where the event socket listens. It has no encryption: keep it on this machine or in a tunnel.",
      }),
    port: z.int().min(1).max(65_535).default(8021).meta({
      env: "FREESWITCH_ESL_PORT",
      secret: false,
      title: "Port",
      description: "The event socket's port.",
    }),
    password: password.meta({
      env: "FREESWITCH_ESL_PASSWORD",
      secret: true,
      title: "Password",
      description:
        "The event socket's password, 8 characters or more; the installed one (ClueCon) is refused.",
    }),
    gateway: trunkNameSchema.meta({
      env: "FREESWITCH_GATEWAY_NAME",
      secret: false,
      title: "Gateway",
      description: "The SIP gateway to call through, as `sofia status` names it.",
    }),
    callerIdNumber: optionalNumber.meta({
      env: "FREESWITCH_CALLER_ID_NUMBER",
      secret: false,
      title: "Caller number",
      description: "Shown to the far end when a fax has no `from` of its own.",
    }),
    callerIdName: z.string().transform(headerTextOf).optional().meta({
      env: "FREESWITCH_CALLER_ID_NAME",
      secret: false,
      title: "Caller name",
      description: "Shown to the far end with the number.",
    }),
    stationId: z.string().transform(stationIdOf).optional().meta({
      env: "FREESWITCH_STATION_ID",
      secret: false,
      title: "Station id",
      description: "Our machine's id, digits, `+` and blanks; default: the caller's number.",
    }),
    headerText: z.string().transform(headerTextOf).optional().meta({
      env: "FREESWITCH_HEADER_TEXT",
      secret: false,
      title: "Header line",
      description: "Printed on top of every page, at most 50 characters; default: what `spandsp.conf` says.",
    }),
    dialPrefix: z
      .string()
      .regex(/^[0-9+*#]{0,8}$/)
      .default("")
      .meta({
        env: "FREESWITCH_DIAL_PREFIX",
        secret: false,
        title: "Dial prefix",
        description: "What the trunk wants before the digits of a number, e.g. `+` or `011`.",
      }),
    t38: z.boolean().default(true).meta({
      env: "FREESWITCH_T38_ENABLE",
      secret: false,
      title: "T.38",
      description: "Without it every call is plain audio, whatever the ladder says.",
    }),
    callLadder: callLadderSchema.optional().meta({
      env: "FREESWITCH_CALL_LADDER",
      secret: false,
      title: "Call ladder",
      description: `How the first call is made, and each one after trouble on the line; default: \`${callLadderText(defaultCallLadder)}\`.`,
    }),
    maxCalls: z.int().min(1).max(1_000).default(4).meta({
      env: "FREESWITCH_MAX_CALLS",
      secret: false,
      title: "Lines",
      description: "Faxes that are sent at the same time; further ones wait.",
    }),
    ringSeconds: z.int().min(10).max(300).default(60).meta({
      env: "FREESWITCH_RING_SECONDS",
      secret: false,
      title: "Ringing",
      description: "Seconds to wait for an answer.",
    }),
    spoolOut: spoolFolderSchema.default("/var/spool/faxbot/freeswitch/out").meta({
      env: "FREESWITCH_SPOOL_OUT",
      secret: false,
      title: "Outgoing folder",
      description: "Where faxes lie while they are sent; FreeSWITCH reads it under the same path.",
    }),
    spoolIn: spoolFolderSchema.default("/var/spool/faxbot/freeswitch/in").meta({
      env: "FREESWITCH_SPOOL_IN",
      secret: false,
      title: "Incoming folder",
      description: "Where `rxfax` writes what it receives; Faxbot reads and deletes it under the same path.",
    }),
    defaultCountryCode: z.literal("1").optional().meta({
      env: "FREESWITCH_DEFAULT_COUNTRY_CODE",
      secret: false,
      title: "Country code",
      description:
        "`1` when the trunk gives numbers of received calls in the North American form without `+`.",
    }),
    inboundSecret: internalSecretSchema.optional().meta({
      env: "FREESWITCH_INBOUND_SECRET",
      secret: true,
      title: "Internal secret",
      description: "For hints by HTTP, 16 characters or more; without it they are refused.",
    }),
    previousInboundSecret: internalSecretSchema.optional().meta({
      env: "FREESWITCH_PREVIOUS_INBOUND_SECRET",
      secret: true,
      title: "Previous internal secret",
      description: "Still taken while the secret is being changed.",
    }),
  })
  .refine(
    ({ inboundSecret, previousInboundSecret }) =>
      previousInboundSecret === undefined || inboundSecret !== undefined,
    { path: ["previousInboundSecret"], error: "needs the new secret beside it" },
  );

/** Settings of a FreeSWITCH, as parsed. */
export type FreeSwitchSettings = z.output<typeof freeswitchSettings>;
