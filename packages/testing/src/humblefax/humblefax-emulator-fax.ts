/** One call of an attempt. */
export interface HumbleFaxCall {
  status: string;
  toNumber: string;
  /** Unix seconds. */
  timeStart: number;
  timeStop: number;
  bitRate: number;
  startPage: number;
  pagesSent: number;
  /** Seconds. */
  transmissionTime: number;
  failureReason?: string;
}

/** One attempt to reach a recipient. */
export interface HumbleFaxAttempt {
  status: string;
  numCalls: number;
  numPagesSent: number;
  failureReason?: string;
  calls: HumbleFaxCall[];
}

/** One destination of a sent fax. */
export interface HumbleFaxRecipient {
  /** Digits with the leading 1. */
  toNumber: string;
  status: string;
  numAttempts: number;
  failureReason?: string;
  attempts: HumbleFaxAttempt[];
}

/** A sent fax, as this emulator answers it. Clients have seen numbers and texts mixed. */
export interface HumbleFaxSentFax {
  id: number;
  /** One of {@link humblefaxSentStatuses}, unless a script says another word. */
  status: string;
  /** Unix seconds. */
  timestamp: number;
  fromName: string;
  fromNumber: string;
  senderEmail: string;
  /** The caller's reference, or false. */
  uuid: string | false;
  source: "API";
  resolution: string;
  pageSize: string;
  subject: string;
  message: string;
  /** A number as text. */
  numPages: string;
  hasCoversheet: boolean;
  numSuccesses: number;
  numInProgress: number;
  numFailures: number;
  recipients: HumbleFaxRecipient[];
}

/** A received fax, as this emulator answers it. */
export interface HumbleFaxIncomingFax {
  id: number;
  /** `success` or `partial fax received`. */
  status: string;
  /** Unix seconds as text. */
  time: string;
  toNumber: string;
  fromNumber: string;
  fromNameAddressBook: string;
  fromNameIdentity: string;
  numPages: string;
  /** Seconds, as text. */
  transmissionTime: string;
  bitRate: string;
}

/** Every status of a sent fax that clients know. */
export const humblefaxSentStatuses = [
  "scheduled",
  "in progress",
  "success",
  "failure",
  "image failure",
  "partial success",
  "cancelled",
] as const;

/** Digits only, as the API writes numbers. */
export function plainNumber(number: string): string {
  return number.replace(/^\+/, "");
}

/** Now or the given time, in Unix seconds. */
export function unixSeconds(time = Date.now()): number {
  return Math.floor(time / 1000);
}
