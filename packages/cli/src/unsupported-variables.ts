import type { Environment } from "./host-settings.ts";

/**
 * Variables of Faxbot 1.x to 3.x that this version does not act on unless a setting of the host or of a transport
 * claims them. Listed so that nobody relies on one that does nothing.
 */
const classicVariables = [
  "FAX_HEADER",
  "FAX_LOCAL_STATION_ID",
  "ARTIFACT_TTL_DAYS",
  "AUDIT_LOG_ENABLED",
  "AUDIT_LOG_FORMAT",
  "AUDIT_LOG_FILE",
  "PHAXIO_API_KEY",
  "PHAXIO_API_SECRET",
  "PHAXIO_CALLBACK_TOKEN",
  "PHAXIO_CALLBACK_URL",
  "PHAXIO_VERIFY_SIGNATURE",
  "PHAXIO_INBOUND_VERIFY_SIGNATURE",
  "SINCH_PROJECT_ID",
  "SINCH_API_KEY",
  "SINCH_API_SECRET",
  "SINCH_AUTH_METHOD",
  "SINCH_REGION",
  "SINCH_BASE_URL",
  "SINCH_INBOUND_BASIC_USER",
  "SINCH_INBOUND_BASIC_PASS",
  "SINCH_INBOUND_VERIFY_SIGNATURE",
  "SIGNALWIRE_SPACE_URL",
  "SIGNALWIRE_PROJECT_ID",
  "SIGNALWIRE_API_TOKEN",
  "SIGNALWIRE_FAX_FROM_E164",
  "SIGNALWIRE_WEBHOOK_SIGNING_KEY",
  "HUMBLEFAX_ACCESS_KEY",
  "HUMBLEFAX_SECRET_KEY",
  "HUMBLEFAX_BASE_URL",
  "HUMBLEFAX_FROM_NUMBER",
  "HUMBLEFAX_WEBHOOK_ENABLED",
  "HUMBLEFAX_WEBHOOK_TOKEN",
  "HUMBLEFAX_WEBHOOK_SECRET",
  "HUMBLEFAX_CALLBACK_BASE",
  "HUMBLEFAX_IMAP_ENABLED",
  "HUMBLEFAX_IMAP_SERVER",
  "HUMBLEFAX_IMAP_PORT",
  "HUMBLEFAX_IMAP_USERNAME",
  "HUMBLEFAX_IMAP_PASSWORD",
  "HUMBLEFAX_IMAP_POLL_INTERVAL",
  "ASTERISK_AMI_HOST",
  "ASTERISK_AMI_PORT",
  "ASTERISK_AMI_USERNAME",
  "ASTERISK_AMI_PASSWORD",
  "ASTERISK_INBOUND_SECRET",
  "FREESWITCH_ESL_HOST",
  "FREESWITCH_ESL_PORT",
  "FREESWITCH_ESL_PASSWORD",
  "FREESWITCH_GATEWAY_NAME",
  "FREESWITCH_CALLER_ID_NUMBER",
  "FREESWITCH_T38_ENABLE",
  "FREESWITCH_INBOUND_SECRET",
  "S3_BUCKET",
  "S3_PREFIX",
  "S3_REGION",
  "S3_ENDPOINT_URL",
  "S3_KMS_KEY_ID",
  "TWILIO_ACCOUNT_SID",
  "TWILIO_AUTH_TOKEN",
  "SPAM_SCORE_ALLOWED_IPS",
  "MAX_REQUESTS_PER_MINUTE",
  "INBOUND_MAX_REQUESTS_PER_MINUTE",
  "INBOUND_LIST_RPM",
  "INBOUND_GET_RPM",
  "PDF_TOKEN_TTL_MINUTES",
] as const;

/** Belonged to parts that have no counterpart here: accepted, and told to be without effect. */
const classicPrefixes = ["REDIS_", "ADMIN_MARKETPLACE_"] as const;

/** Variables that a transport takes when its own are empty. */
const standIns: Readonly<Record<string, string>> = {
  PHAXIO_API_KEY: "SINCH_API_KEY",
  PHAXIO_API_SECRET: "SINCH_API_SECRET",
};

/** Switched off or empty: nothing is lost by not acting on it. */
const withoutEffect = /^(|0|false|no|off)$/i;

/**
 * Names the variables that are set to something and that this version does not act on, in alphabetical order. Names
 * only: a value may be a secret.
 *
 * @param acted the variables that the host's settings and the available transports read
 */
export function unsupportedVariables(env: Environment, acted: ReadonlySet<string>): string[] {
  const classic = new Set<string>(classicVariables);
  const isEmpty = (name: string | undefined) => name === undefined || !env[name]?.trim();
  const standsIn = (name: string) =>
    name in standIns && isEmpty(standIns[name]) && !isEmpty("SINCH_PROJECT_ID");
  return Object.entries(env)
    .filter(
      ([name, value]) =>
        (classic.has(name) || classicPrefixes.some((prefix) => name.startsWith(prefix))) &&
        !acted.has(name) &&
        !standsIn(name) &&
        !withoutEffect.test(value?.trim() ?? ""),
    )
    .map(([name]) => name)
    .sort();
}
