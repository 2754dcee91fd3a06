import { randomBytes } from "node:crypto";

/** The Fax object of the Sinch Fax API v3, as this emulator answers it (vendor OpenAPI, schema `Fax`). */
export interface SinchFax {
  id: string;
  direction: "OUTBOUND" | "INBOUND";
  from?: string;
  to?: string;
  contentUrl?: string | string[];
  numberOfPages?: number;
  pagesSentSuccessfully?: number;
  /** QUEUED, IN_PROGRESS, COMPLETED or FAILURE, unless a script says another word. */
  status: string;
  price?: { currencyCode: string; amount: string | number };
  createTime: string;
  completedTime?: string;
  headerText?: string;
  headerPageNumbers?: boolean;
  headerTimeZone?: string;
  retryDelaySeconds?: number;
  maxRetries?: number;
  retryCount?: number;
  labels?: Record<string, string>;
  /** Credentials are masked. */
  callbackUrl?: string;
  callbackUrlContentType?: "multipart/form-data" | "application/json";
  imageConversionMethod?: "HALFTONE" | "MONOCHROME";
  resolution?: "FINE" | "SUPERFINE";
  errorType?: string;
  errorCode?: number;
  errorMessage?: string;
  hasFile?: boolean | string;
  coverPageId?: string;
  coverPageData?: Record<string, string>;
  inProgressNotifications?: boolean;
  fromCountry?: string;
  toCountry?: string;
  projectId: string;
  serviceId: string;
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Makes a ULID, the form of Sinch's fax ids: 10 characters of time and 16 of chance. */
export function newUlid(time = Date.now()): string {
  let text = "";
  for (let rest = time, i = 0; i < 10; i += 1) {
    text = `${crockford[rest % 32]}${text}`;
    rest = Math.floor(rest / 32);
  }
  for (const byte of randomBytes(16)) text += crockford[byte % 32];
  return text;
}

/** Hides the credentials of a callback URL as the vendor does. */
export function maskCredentials(url: string): string {
  return url.replace(/^(https?:\/\/)[^/@]*@/i, "$1***:***@");
}
