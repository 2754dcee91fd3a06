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

/** What FreePBX, Elastix and Asterisk's own sample are installed with. */
const knownPassword = /^(amp111|elastix456|mysecret|admin|asterisk|password)$/i;

/** Printable, so that it cannot end the line that it is sent in. */
const printable = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\x21-\x7e]+$/, "must be printable, without blanks");

/** The settings of one Asterisk. */
export const asteriskSettings = z
  .strictObject({
    host: z
      .string()
      .regex(/^[A-Za-z0-9.:_-]{1,253}$/, "must be a host name or an address")
      .default("localhost")
      .meta({
        env: "ASTERISK_AMI_HOST",
        secret: false,
        title: "Host",
        description: "Where the manager interface listens. On another machine only over TLS or in a tunnel.",
      }),
    port: z.int().min(1).max(65_535).default(5038).meta({
      env: "ASTERISK_AMI_PORT",
      secret: false,
      title: "Port",
      description: "The manager interface's port; with TLS mostly 5039.",
    }),
    username: printable.meta({
      env: "ASTERISK_AMI_USERNAME",
      secret: false,
      title: "User",
      description: "The account's section in `manager.conf`.",
    }),
    password: printable
      .min(8)
      .refine(
        (text) => !knownPassword.test(text),
        "must not be a password that an exchange is installed with",
      )
      .meta({
        env: "ASTERISK_AMI_PASSWORD",
        secret: true,
        title: "Password",
        description:
          "The account's `secret`, 8 characters or more; the ones of well-known installations are refused.",
      }),
    tls: z.boolean().default(false).meta({
      env: "ASTERISK_AMI_TLS",
      secret: false,
      title: "TLS",
      description: "Speak TLS to the manager interface (`tlsenable` in `manager.conf`).",
    }),
    ca: z.string().min(1).optional().meta({
      env: "ASTERISK_AMI_CA",
      secret: false,
      title: "Certificate authority",
      description: "PEM of a private authority that signed Asterisk's certificate.",
    }),
    trunk: trunkNameSchema.meta({
      env: "ASTERISK_TRUNK",
      secret: false,
      title: "Trunk",
      description: "The PJSIP endpoint to call through, as `pjsip show endpoints` names it.",
    }),
    context: trunkNameSchema.default("fax-outbound").meta({
      env: "ASTERISK_CONTEXT",
      secret: false,
      title: "Dialplan context",
      description: "Where an answered call goes, at the extension `send`.",
    }),
    callerIdNumber: z.string().refine(isE164, "must be a number in E.164 form").optional().meta({
      env: "ASTERISK_CALLER_ID_NUMBER",
      secret: false,
      title: "Caller number",
      description: "Shown to the far end when a fax has no `from` of its own.",
    }),
    callerIdName: z.string().transform(headerTextOf).optional().meta({
      env: "ASTERISK_CALLER_ID_NAME",
      secret: false,
      title: "Caller name",
      description: "Shown to the far end with the number.",
    }),
    stationId: z.string().transform(stationIdOf).optional().meta({
      env: "ASTERISK_STATION_ID",
      secret: false,
      title: "Station id",
      description: "Our machine's id, digits, `+` and blanks; default: the caller's number.",
    }),
    headerText: z.string().transform(headerTextOf).optional().meta({
      env: "ASTERISK_HEADER_TEXT",
      secret: false,
      title: "Header line",
      description: "Printed on top of every page, at most 50 characters; without it there is no header line.",
    }),
    dialPrefix: z
      .string()
      .regex(/^[0-9+*#]{0,8}$/)
      .default("")
      .meta({
        env: "ASTERISK_DIAL_PREFIX",
        secret: false,
        title: "Dial prefix",
        description: "What the trunk wants before the digits of a number, e.g. `+` or `011`.",
      }),
    t38: z.boolean().default(true).meta({
      env: "ASTERISK_T38_ENABLE",
      secret: false,
      title: "T.38",
      description: "Without it every call is plain audio, whatever the ladder says.",
    }),
    callLadder: callLadderSchema.optional().meta({
      env: "ASTERISK_CALL_LADDER",
      secret: false,
      title: "Call ladder",
      description: `How the first call is made, and each one after trouble on the line; default: \`${callLadderText(defaultCallLadder)}\`.`,
    }),
    maxCalls: z.int().min(1).max(1_000).default(4).meta({
      env: "ASTERISK_MAX_CALLS",
      secret: false,
      title: "Lines",
      description: "Faxes that are sent at the same time; further ones wait.",
    }),
    ringSeconds: z.int().min(5).max(300).default(60).meta({
      env: "ASTERISK_RING_SECONDS",
      secret: false,
      title: "Ringing",
      description: "Seconds to wait for an answer.",
    }),
    spoolOut: spoolFolderSchema.default("/var/spool/faxbot/asterisk/out").meta({
      env: "ASTERISK_SPOOL_OUT",
      secret: false,
      title: "Outgoing folder",
      description: "Where faxes lie while they are sent; Asterisk reads it under the same path.",
    }),
    spoolIn: spoolFolderSchema.default("/var/spool/faxbot/asterisk/in").meta({
      env: "ASTERISK_SPOOL_IN",
      secret: false,
      title: "Incoming folder",
      description:
        "Where `ReceiveFAX` writes what it receives; Faxbot reads and deletes it under the same path.",
    }),
    defaultCountryCode: z.literal("1").optional().meta({
      env: "ASTERISK_DEFAULT_COUNTRY_CODE",
      secret: false,
      title: "Country code",
      description:
        "`1` when the trunk gives numbers of received calls in the North American form without `+`.",
    }),
    inboundSecret: internalSecretSchema.optional().meta({
      env: "ASTERISK_INBOUND_SECRET",
      secret: true,
      title: "Internal secret",
      description: "For hints by HTTP, 16 characters or more; without it they are refused.",
    }),
    previousInboundSecret: internalSecretSchema.optional().meta({
      env: "ASTERISK_PREVIOUS_INBOUND_SECRET",
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

/** Settings of an Asterisk, as parsed. */
export type AsteriskSettings = z.output<typeof asteriskSettings>;
