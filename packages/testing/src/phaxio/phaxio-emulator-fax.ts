/** One destination of a sent fax. */
export interface PhaxioRecipient {
  phone_number: string;
  /** `null` while queued. */
  status: string | null;
  retry_count: number;
  completed_at: string | null;
  /** Bits per second. */
  bitrate: number | null;
  /** Horizontal pixels per metre. */
  resolution: number | null;
  error_type: string | null;
  error_id: number | null;
  error_message: string | null;
}

/** The Fax object of Phaxio v2.1, as this emulator answers it (live recordings in phaxio-ruby). */
export interface PhaxioFax {
  id: number;
  direction: "sent" | "received";
  num_pages: number;
  /** queued, pendingbatch, inprogress, success, failure or partialsuccess, unless a script says another word. */
  status: string;
  is_test: boolean;
  /** RFC 3339 with the offset of the vendor's own time zone. */
  created_at: string;
  caller_id: string | null;
  from_number: string | null;
  completed_at: string | null;
  caller_name: string | null;
  /** US cents. */
  cost: number;
  tags: Record<string, string>;
  to_number: string | null;
  error_id: number | null;
  error_type: string | null;
  error_message: string | null;
  barcodes: readonly Record<string, unknown>[];
  /** Only of sent faxes. */
  recipients?: PhaxioRecipient[];
}

/** US Central without daylight saving: the recordings have an offset of -06:00. */
const offsetHours = -6;

/** A time as the vendor writes it, e.g. `2026-01-15T09:00:00.000-06:00`. */
export function centralTime(date = new Date()): string {
  return new Date(date.getTime() + offsetHours * 3_600_000).toISOString().replace("Z", "-06:00");
}

/** A recipient of a fax that was just taken. */
export function newRecipient(phoneNumber: string): PhaxioRecipient {
  return {
    phone_number: phoneNumber,
    status: null,
    retry_count: 0,
    completed_at: null,
    bitrate: null,
    resolution: null,
    error_type: null,
    error_id: null,
    error_message: null,
  };
}

/** The fax in the form of v1, which an account may still have chosen for its webhooks. */
export function asVersion1(fax: PhaxioFax): Record<string, unknown> {
  const seconds = (time: string | null): number | null =>
    time === null ? null : Math.floor(Date.parse(time) / 1000);
  const { created_at, completed_at, recipients, error_id: _newInVersion2, error_message, ...rest } = fax;
  return {
    ...rest,
    requested_at: seconds(created_at),
    completed_at: seconds(completed_at),
    error_code: error_message,
    ...(recipients && {
      recipients: recipients.map(({ phone_number, status, completed_at: end, ...recipient }) => ({
        number: phone_number.replace(/^\+/, ""),
        status,
        completed_at: seconds(end),
        bitrate: recipient.bitrate,
        resolution: recipient.resolution,
        error_code: recipient.error_message,
        error_type: recipient.error_type,
      })),
    }),
  };
}

/** The same with every whole number as text. */
export function numbersAsText(value: unknown): unknown {
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return value.map(numbersAsText);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, numbersAsText(each)]));
}
