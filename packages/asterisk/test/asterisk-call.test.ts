import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { AmiMessage } from "../src/ami-message.ts";
import { AsteriskCall, longestCallSeconds } from "../src/asterisk-call.ts";
import { readNote, resultReport, unansweredReport } from "../src/asterisk-status.ts";

const attemptId = randomBytes(16).toString("hex");
const channel = `faxbot-${attemptId}`;
const originateId = "a-random-id";
const ids = { providerId: channel, reference: attemptId };

function event(name: string, fields: Record<string, string | number>): AmiMessage {
  const lines = Object.entries(fields).map(([header, value]) => `${header}: ${value}`);
  return new AmiMessage([`Event: ${name}`, ...lines].join("\r\n"));
}

function call(more: { answered?: boolean } = {}): AsteriskCall {
  return new AsteriskCall({ attemptId, originateId, now: 0, longestMs: 60_000, graceMs: 2_000, ...more });
}

/** Hears the events that are about it, one by one, and then the grace time passes. */
function endOf(events: readonly AmiMessage[], live = call()): AsteriskCall {
  for (const [index, each] of events.entries()) if (live.isAbout(each)) live.apply(each, index);
  live.expire(10_000);
  return live;
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  );
}

const dialed = event("DialState", { DestUniqueid: channel, DialStatus: "RINGING" });
const answered = event("OriginateResponse", {
  ActionID: originateId,
  Response: "Success",
  Uniqueid: channel,
});
const refused = (reason: number) =>
  event("OriginateResponse", {
    ActionID: originateId,
    Response: "Failure",
    Reason: reason,
    Uniqueid: "<null>",
  });
const dialEnd = (word: string) => event("DialEnd", { DestUniqueid: channel, DialStatus: word });
const progress = event("FAXStatus", { Uniqueid: channel, Status: "FAX Transmission In Progress" });
const hangup = (cause: number) => event("Hangup", { Uniqueid: channel, Cause: cause });
const sent = (fields: Record<string, string | number>) =>
  event("UserEvent", { Uniqueid: channel, UserEvent: "FaxbotSent", Job: attemptId, ...fields });

describe("events in any order end in the same report", () => {
  it.each([
    [
      "delivered",
      [
        answered,
        dialEnd("ANSWER"),
        progress,
        sent({ Status: "SUCCESS", Pages: 2, Error: "HANGUP" }),
        hangup(16),
      ],
    ],
    [
      "failed",
      [
        answered,
        dialEnd("ANSWER"),
        progress,
        sent({ Status: "FAILED", StatusText: "The%20call%20dropped%20prematurely" }),
        hangup(0),
      ],
    ],
    ["failed", [dialed, dialEnd("NOANSWER"), refused(0), hangup(21), hangup(21)]],
    ["failed", [dialed, dialEnd("BUSY"), refused(0), hangup(17), refused(0)]],
  ] as const)("%s", (status, events) => {
    const [first] = permutations(events).map((order) => endOf(order).report);
    expect(first?.status).toBe(status);
    for (const order of permutations(events)) {
      const live = endOf(order);
      expect(live.phase).toBe("ended");
      expect(live.report).toEqual(first);
      // What comes afterwards, or again, changes nothing.
      for (const late of events) if (live.isAbout(late)) expect(live.apply(late, 20_000)).toBe(false);
    }
  });
});

describe("one call", () => {
  it("tells how it stands", () => {
    const live = call();
    expect([live.phase, live.report.status]).toEqual(["dialling", "queued"]);
    expect(live.apply(dialed, 1)).toBe(true);
    expect([live.phase, live.report.providerStatus]).toEqual(["ringing", "RINGING"]);
    expect(live.apply(dialed, 1)).toBe(false);
    expect(live.apply(answered, 2)).toBe(true);
    expect([live.phase, live.report.status]).toEqual(["answered", "in_progress"]);
    live.apply(progress, 3);
    expect(live.report.providerStatus).toBe("FAX Transmission In Progress");
    live.apply(event("FAXStatus", { Uniqueid: channel, Status: "call +12025550123" }), 3);
    expect(live.report.providerStatus).toBe("FAXStatus");
  });

  it("is about its own ids alone", () => {
    const live = call();
    const other = `faxbot-${"0".repeat(32)}`;
    expect(live.isAbout(event("Hangup", { Uniqueid: other }))).toBe(false);
    expect(live.isAbout(event("UserEvent", { Uniqueid: channel, UserEvent: "FaxbotSent", Job: "x" }))).toBe(
      false,
    );
    expect(
      live.isAbout(event("UserEvent", { Uniqueid: other, UserEvent: "FaxbotSent", Job: attemptId })),
    ).toBe(false);
    // A second Originate with our ChannelId fails under the same Uniqueid.
    expect(
      live.isAbout(event("OriginateResponse", { ActionID: "b", Response: "Failure", Uniqueid: channel })),
    ).toBe(false);
    expect(live.isAbout(answered)).toBe(true);
  });

  it("without a hang-up was refused for want of a trunk, or by its reason", () => {
    const codeOf = (reason: number) => endOf([refused(reason)]).report.failure;
    expect(codeOf(0)).toEqual({ reason: "account", retryable: false, providerCode: "AMI/no_channel" });
    expect(codeOf(3)).toMatchObject({ reason: "no_answer", providerCode: "Q.850/19" });
    expect(codeOf(5)).toMatchObject({ reason: "busy" });
    expect(codeOf(8)).toMatchObject({ reason: "line_error", providerCode: "Q.850/34" });
  });

  it("that was answered and ended without a result is looked up, and may still be told", () => {
    const live = endOf([answered, hangup(16)]);
    expect([live.phase, live.report.status]).toEqual(["missed", "in_progress"]);
    live.apply(sent({ Status: "SUCCESS" }), 20_000);
    expect([live.phase, live.report.status]).toEqual(["ended", "delivered"]);
  });

  it("that never ends is overdue", () => {
    const live = call();
    live.apply(answered, 1);
    expect([live.expire(59_999), live.phase]).toEqual([false, "answered"]);
    expect([live.expire(60_000), live.phase]).toEqual([true, "missed"]);
    expect(live.dueAt).toBe(Number.POSITIVE_INFINITY);
  });

  it("that was canceled is no failure, and delivered when the cancel came too late", () => {
    const ending = (last: AmiMessage[]) => {
      const live = call();
      live.canceled = true;
      return endOf(last, live).report.status;
    };
    expect(ending([dialed, dialEnd("NOANSWER"), refused(0), hangup(0)])).toBe("canceled");
    expect(
      ending([answered, sent({ Status: "FAILED", StatusText: "The%20call%20dropped%20prematurely" })]),
    ).toBe("canceled");
    expect(ending([answered, sent({ Status: "SUCCESS", Pages: 1 })])).toBe("delivered");
  });

  it("has two minutes, a minute and a half for each page, and at most an hour", () => {
    expect([1, 3, 100, Number.POSITIVE_INFINITY].map(longestCallSeconds)).toEqual([210, 390, 3_600, 3_600]);
  });
});

describe("results", () => {
  const failureOf = (statusText: string, error = "") =>
    resultReport(ids, { status: "FAILED", statusText, error }, false).failure;

  it.each([
    ["Timed out waiting for initial communication", "", "no_fax_tone", true, "T.30/2"],
    ["Far end cannot receive at the resolution of the image", "", "document", false, "T.30/11"],
    ["TIFF/F file cannot be opened", "", "document", false, "T.30/41"],
    ["", "The call dropped prematurely", "line_error", true, "T.30/49"],
    ["error reading file", "FILE_ERROR", "document", false, "FAXOPT/FILE_ERROR"],
    ["error reading file", "", "document", false, "FAXOPT/FILE_ERROR"],
    ["error negotiating T.38", "", "line_error", true, "FAXOPT/T38_NEG_ERROR"],
    ["error starting fax session", "INIT_ERROR", "line_error", true, "FAXOPT/INIT_ERROR"],
    ["error starting fax session", "ASTDB_ERROR", "unavailable", true, "FAXOPT/ASTDB_ERROR"],
    ["", "Channel Problems", "line_error", true, "FAXOPT/CHANNEL_PROBLEMS"],
    ["OK", "HANGUP", "line_error", true, "FAXOPT/HANGUP"],
    ["something new", "SOMETHING_NEW", "unknown", true, "FAXOPT/other"],
  ])("%j with the error %j", (statusText, error, reason, retryable, providerCode) => {
    expect(failureOf(statusText, error)).toEqual({ reason, retryable, providerCode });
  });

  it("are delivered by the word SUCCESS alone", () => {
    const statusOf = (status: string) => resultReport(ids, { status, statusText: "OK", error: "" }, false);
    expect(statusOf("SUCCESS").status).toBe("delivered");
    for (const word of ["success", "FAILURE", "", "SUCCESS FAILED", "<script>"]) {
      expect(statusOf(word)).toMatchObject({ status: "unmapped" });
    }
    expect(statusOf("+12025550123").providerStatus).toBe("(other)");
  });

  it("are read from the database as the dialplan writes them", () => {
    expect(readNote("ANSWERED")).toEqual({ answered: true });
    expect(readNote("ANSWERED|1795319289")).toEqual({ answered: true });
    expect(readNote("SUCCESS|3|14400|OK|1795319289|HANGUP").result).toEqual({
      status: "SUCCESS",
      statusText: "OK",
      error: "HANGUP",
      pages: 3,
      occurredAt: new Date(1_795_319_289_000),
    });
    expect(readNote("FAILED|0||error%20negotiating%20T.38|1795319289").result).toMatchObject({
      status: "FAILED",
      statusText: "error negotiating T.38",
      pages: 0,
    });
    expect(readNote("FAILED||%E0%A4%A|x").result).toEqual({ status: "FAILED", statusText: "x", error: "" });
    expect(readNote("").result?.status).toBe("");
  });

  it("of an unanswered call follow the cause of the hang-up, not the word of the dial", () => {
    const of = (cause: number | undefined, reason?: number) =>
      unansweredReport(ids, { cause, reason, canceled: false }).failure?.providerCode;
    expect([of(17), of(1, 0), of(undefined, 3), of(undefined)]).toEqual([
      "Q.850/17",
      "Q.850/1",
      "Q.850/19",
      "AMI/missed",
    ]);
  });
});
