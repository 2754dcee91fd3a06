/** The Fax object of the compatibility API, as this emulator answers it: every key is always there. */
export interface SignalWireFax {
  account_sid: string;
  api_version: "v1";
  /** ISO 8601. */
  date_created: string;
  date_updated: string;
  direction: "inbound" | "outbound";
  from: string;
  to: string;
  media_url: string | null;
  media_sid: string | null;
  /** A number as text. */
  num_pages: string | number | null;
  /** Negative: what was taken from the balance. */
  price: string | null;
  price_unit: "USD" | null;
  quality: "standard" | "fine" | "superfine" | null;
  /** A UUID. */
  sid: string;
  /** One of {@link signalwireStatuses}, unless a script says another word. */
  status: string;
  /** Seconds. */
  duration: number | string | null;
  links: { media: string };
  url: string;
  error_code: string | null;
  error_message: string | null;
}

/** Every documented status. */
export const signalwireStatuses = [
  "queued",
  "processing",
  "sending",
  "delivered",
  "receiving",
  "received",
  "no-answer",
  "busy",
  "failed",
  "canceled",
] as const;

const active = new Set(["processing", "sending", "receiving"]);

/** Whether a fax is being worked on, so that it cannot be deleted. */
export function isActive(fax: SignalWireFax): boolean {
  return active.has(fax.status);
}

/** Whether a fax has ended. A word that nobody documented is no end. */
export function isOver(fax: SignalWireFax): boolean {
  return ["delivered", "received", "no-answer", "busy", "failed", "canceled"].includes(fax.status);
}
