import type { AmiHeader } from "./ami-message.ts";

/** One line of an `eventfilter` that lets events through (manager.conf of Asterisk 22, the "advanced" syntax). */
export interface AmiEventFilter {
  /** Name of the event; default: any. */
  event?: string;
  /** With `startsWith`: the header to look at. */
  header?: string;
  startsWith?: string;
}

/** An account of manager.conf. */
export interface AmiAccount {
  username: string;
  secret: string;
  /** Classes of events that it may read, `all` for every one. */
  read: readonly string[];
  /** Classes of actions that it may take. */
  write: readonly string[];
  /** Only these events come; an empty list lets all through. */
  filters: readonly AmiEventFilter[];
  /** True: its access list does not permit this machine. */
  denied?: boolean;
}

const ours = "faxbot-";

/** Only events about channels that the client named itself, and those of received faxes. */
export const amiEventFilters: readonly AmiEventFilter[] = [
  { event: "FullyBooted" },
  { event: "Shutdown" },
  { event: "OriginateResponse", header: "Uniqueid", startsWith: ours },
  { event: "DialState", header: "DestUniqueid", startsWith: ours },
  { event: "DialEnd", header: "DestUniqueid", startsWith: ours },
  { event: "FAXStatus", header: "Uniqueid", startsWith: ours },
  { event: "UserEvent", header: "Uniqueid", startsWith: ours },
  { event: "UserEvent", header: "UserEvent", startsWith: "FaxbotReceived" },
  { event: "Hangup", header: "Uniqueid", startsWith: ours },
];

/** Which write class an action needs; one of them is enough. No entry: none. (`manager show command`) */
const needed: Readonly<Record<string, readonly string[]>> = {
  originate: ["originate"],
  hangup: ["system", "call"],
  faxsessions: ["call"],
  getvar: ["call", "reporting"],
  setvar: ["call"],
  dbget: ["system", "reporting"],
  dbput: ["system"],
  dbdel: ["system"],
  coreshowchannels: ["system", "reporting"],
  corestatus: ["system", "reporting"],
  coresettings: ["system", "reporting"],
  command: ["command"],
  userevent: ["user"],
};

/** Whether an account may take an action. */
export function mayTake(account: AmiAccount, action: string): boolean {
  const classes = needed[action.toLowerCase()];
  return !classes || account.write.includes("all") || classes.some((each) => account.write.includes(each));
}

/** Whether an event reaches a client: by its class, by what the client asked for, by the account's filters. */
export function mayHear(
  account: AmiAccount,
  wanted: ReadonlySet<string> | "all",
  eventClass: string,
  headers: readonly AmiHeader[],
): boolean {
  if (!account.read.includes("all") && !account.read.includes(eventClass)) return false;
  if (wanted !== "all" && !wanted.has(eventClass)) return false;
  if (account.filters.length === 0) return true;
  const value = (name: string): string | undefined => headers.find(([each]) => each === name)?.[1];
  return account.filters.some(({ event, header, startsWith = "" }) => {
    if (event !== undefined && value("Event") !== event) return false;
    // The event's own header comes after the channel's, and "Event" before everything.
    return header === undefined || (value(header)?.startsWith(startsWith) ?? false);
  });
}

/** Reads the value of `Events` or `EventMask`. */
export function readEventMask(value: string | undefined): ReadonlySet<string> | "all" {
  const text = value?.trim().toLowerCase() ?? "on";
  if (["on", "all", "yes", "1", "true"].includes(text)) return "all";
  if (["off", "no", "none", "0", "false"].includes(text)) return new Set();
  return new Set(text.split(",").map((each) => each.trim()));
}
