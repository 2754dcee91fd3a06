import { randomBytes } from "node:crypto";
import { isFaxError, type SendJob, type StatusReport } from "@faxbot/core/transport";
import { checkReport } from "./check-report.ts";
import { type Outcome, type SuiteContext, withPeer } from "./suite-context.ts";
import type { TransportPeer, TransportSuite } from "./transport-suite.ts";
import { startWebhookCatcher } from "./webhook-catcher.ts";

/** The codes of `send` that mean: proven, the provider did not take the fax. */
const provenCodes = [
  "transport_unauthorized",
  "transport_rejected",
  "transport_rate_limited",
  "transport_unavailable",
];

/** A fax is taken once, delivered, and found again by its id and by our reference. */
export function checkAccepted<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.accepted, async (context) => {
    const { transport, fail, attempt, call } = context;
    const { job, outcome } = await send(context);
    if (!outcome.ok) return fail(`send throws ${codeOf(outcome.error)} although the provider took the fax`);
    const sent = outcome.value;
    checkReport(sent, fail, { attemptId: job.attemptId });
    await expectTaken(context, 1);

    const final = await context.reportOf(sent, ({ status }) => status === "delivered");
    if (final) checkReport(final, fail, { attemptId: job.attemptId, providerId: sent.providerId });
    else if (canBeAsked(context)) fail("a delivered fax is never reported as delivered");
    await expectTaken(context, 1);

    if (transport.getStatus) {
      const unknown = await attempt(transport.getStatus(randomBytes(8).toString("hex"), call()));
      if (unknown.ok) fail("getStatus reports a fax that the provider does not know");
      else expectCode(context, "getStatus for an unknown id", unknown.error, ["not_found"]);
    }
    if (transport.findByReference) {
      const hint = { to: job.to, submittedAt: new Date(Date.now() - 1_000) };
      const found = await attempt(transport.findByReference(job.attemptId, call(), hint));
      if (!found.ok) fail(`findByReference throws ${codeOf(found.error)}`);
      else if (found.value === undefined) fail("findByReference does not find a fax that was sent");
      else checkReport(found.value, fail, { attemptId: job.attemptId, providerId: sent.providerId });
      const other = await attempt(transport.findByReference(randomBytes(16).toString("hex"), call(), hint));
      if (!other.ok) fail(`findByReference throws ${codeOf(other.error)} for an unknown reference`);
      else if (other.value !== undefined)
        fail("findByReference finds a fax for a reference that was never used");
    }
  });
}

/** Busy is a status with a reason, not an exception. */
export function checkBusy<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.busy, async (context) => {
    const { outcome } = await send(context);
    if (!outcome.ok) return context.fail(`send throws ${codeOf(outcome.error)} for a busy far end`);
    const report = await context.reportOf(
      outcome.value,
      ({ status }) => status === "failed" || status === "delivered",
    );
    if (!report) {
      if (canBeAsked(context)) context.fail("a busy fax is never reported as failed");
      return;
    }
    checkReport(report, context.fail, { providerId: outcome.value.providerId });
    if (report.status === "delivered") context.fail("a busy fax is reported as delivered");
    else if (report.failure?.reason !== "busy") context.fail(`busy is reported as ${report.failure?.reason}`);
    else if (!report.failure.retryable) context.fail("busy is reported as not worth another try");
  });
}

/** Refused credentials are said to be refused, by `send` and by the health check. */
export function checkUnauthorized<Peer extends TransportPeer>(
  suite: TransportSuite<Peer>,
): Promise<string[]> {
  return withPeer(suite, suite.scenarios.unauthorized, async (context) => {
    if (sends(context)) await expectRefusal(context, ["transport_unauthorized"]);
    await expectUnhealthy(context);
  });
}

/** Too many calls are said to be too many, when the status proves that nothing was taken. */
export function checkRateLimited<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  const proves = suite.manifest.definiteRejections.some(({ status }) => status === 429);
  return withPeer(suite, suite.scenarios.rateLimited, (context) =>
    expectRefusal(context, [proves ? "transport_rate_limited" : "outcome_unknown"]),
  );
}

/** A refused connection proves that nothing was taken. */
export function checkUnavailable<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.unavailable, async (context) => {
    if (sends(context)) await expectRefusal(context, ["transport_unavailable"]);
    await expectUnhealthy(context);
  });
}

/** A provider that answers nothing: every call ends when its signal says so, and the outcome is unknown. */
export function checkHangs<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.hangs, async (context) => {
    const { transport, call, fail } = context;
    if (sends(context)) {
      const job = await context.job();
      const outcome = await context.abortable("send", (signal) => transport.send(job, call({ signal })));
      if (outcome?.ok) fail("send succeeds although the provider never answered");
      else if (outcome) expectUnproven(context, outcome.error);
    }
    const health = await context.abortable("checkHealth", (signal) =>
      transport.checkHealth(call({ signal })),
    );
    if (health && !health.ok) fail("checkHealth throws instead of reporting");
    else if (health?.ok && health.value.status === "healthy") {
      fail("checkHealth calls a provider healthy that does not answer");
    }
  });
}

/** A call whose signal is already aborted does nothing. */
export function checkAborted<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.accepted, async (context) => {
    const { transport, call, attempt, fail } = context;
    const signal = AbortSignal.abort();
    const job = await context.job();
    const outcome = await attempt(() => transport.send(job, call({ signal })));
    if (outcome.ok) fail("send succeeds although its signal was aborted before");
    await expectTaken(context, 0);
  });
}

/** An answer that cannot be read proves nothing. */
export function checkMalformedReply<Peer extends TransportPeer>(
  suite: TransportSuite<Peer>,
): Promise<string[]> {
  return withPeer(suite, suite.scenarios.malformedReply, async (context) => {
    const { outcome } = await send(context);
    if (outcome.ok) context.fail("send succeeds although the answer could not be read");
    else expectUnproven(context, outcome.error);
    await expectTaken(context, 1);
  });
}

/** An error of the provider's own says nothing about the fax. */
export function checkServerError<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.serverError, async (context) => {
    const { outcome } = await send(context);
    if (outcome.ok) context.fail("send succeeds although the provider answered an error");
    else expectUnproven(context, outcome.error);
    await expectTaken(context, 1);
  });
}

/** A word that no table knows is kept raw and never terminal. */
export function checkUnmappedStatus<Peer extends TransportPeer>(
  suite: TransportSuite<Peer>,
): Promise<string[]> {
  return withPeer(suite, suite.scenarios.unmappedStatus, async (context) => {
    const { outcome } = await send(context);
    if (!outcome.ok)
      return context.fail(`send throws ${codeOf(outcome.error)} for a status word it does not know`);
    const report = await context.reportOf(
      outcome.value,
      ({ status }) => !["queued", "in_progress"].includes(status),
    );
    if (!report) context.fail("a status word that is not known is not reported as unmapped");
    else if (report.status !== "unmapped")
      context.fail(`a status word that is not known is read as ${report.status}`);
    else checkReport(report, context.fail);
  });
}

/** An answer that was lost after the fax was taken: said to be unknown, not tried again, found by reference. */
export function checkResponseLost<Peer extends TransportPeer>(
  suite: TransportSuite<Peer>,
): Promise<string[]> {
  return withPeer(suite, suite.scenarios.responseLost, async (context) => {
    const { transport, call, attempt, fail } = context;
    const { job, outcome } = await send(context);
    await expectTaken(context, 1);
    if (outcome.ok) return fail("send succeeds although its answer was lost");
    expectUnproven(context, outcome.error);
    if (!transport.findByReference) return;
    const hint = { to: job.to, submittedAt: new Date(Date.now() - 1_000) };
    const found = await context.until(async () => {
      const looked = await attempt(transport.findByReference?.(job.attemptId, call(), hint));
      return looked.ok && looked.value !== undefined;
    });
    if (!found) fail("findByReference does not find a fax whose answer was lost");
    await expectTaken(context, 1);
  });
}

/** A redirect to another origin carries nothing there. */
export async function checkRedirect<Peer extends TransportPeer>(
  suite: TransportSuite<Peer>,
): Promise<string[]> {
  const stranger = await startWebhookCatcher();
  const arrange = suite.scenarios.redirect;
  try {
    return await withPeer(
      suite,
      typeof arrange === "function" ? (peer) => arrange(peer, stranger.origin) : arrange,
      async (context) => {
        const { outcome } = await send(context);
        if (outcome.ok) context.fail("send succeeds although it was sent to another host");
        await expectTaken(context, 0);
        const secrets = context.peer.secrets.filter((secret) => secret !== "");
        for (const { headers, body, url } of stranger.calls) {
          const text = JSON.stringify([...headers]) + url + Buffer.from(body).toString("latin1");
          if (headers.has("authorization") || secrets.some((secret) => text.includes(secret))) {
            context.fail("credentials follow a redirect to another host");
          }
          if (body.byteLength > 0) context.fail("the document follows a redirect to another host");
        }
      },
    );
  } finally {
    await stranger.stop();
  }
}

/** An option that the provider does not have is refused, never ignored. */
export function checkOptions<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.accepted, async (context) => {
    const { transport, call, attempt, fail } = context;
    const job = await context.job({ options: { "no-provider-has-this-option": true } });
    if (transport.checkJob) {
      const checked = await attempt(() => transport.checkJob?.(job));
      if (!checked.ok)
        return expectCode(context, "checkJob", checked.error, ["request_invalid", "unsupported"]);
    }
    const outcome = await attempt(transport.send(job, call()));
    if (outcome.ok) fail("an option that does not exist is ignored");
    else expectCode(context, "send with an unknown option", outcome.error, ["transport_rejected"]);
    await expectTaken(context, 0);
  });
}

/** The health check reports, and sends nothing. */
export function checkHealthy<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.accepted, async (context) => {
    const { transport, call, attempt, fail } = context;
    // A transport that owns a connection may still be making it.
    let last: string | undefined;
    await context.until(async () => {
      const health = await attempt(transport.checkHealth(call()));
      if (!health.ok) fail("checkHealth throws instead of reporting");
      last = health.ok ? health.value.status : undefined;
      return last === "healthy" || !health.ok;
    });
    if (last !== undefined && last !== "healthy") fail(`a provider that is well is reported as ${last}`);
    await expectTaken(context, 0);
  });
}

/** Cancel reports what came of it. */
export function checkCancel<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.accepted, async (context) => {
    const { transport, call, attempt, fail } = context;
    const { outcome } = await send(context);
    if (!outcome.ok || !transport.cancel) return;
    const { providerId } = outcome.value;
    const canceled = await attempt(transport.cancel(providerId, call()));
    if (canceled.ok) checkReport(canceled.value, fail, { providerId });
    else
      expectCode(context, "cancel that came too late", canceled.error, [
        "transport_rejected",
        "state_conflict",
      ]);
    const unknown = await attempt(transport.cancel(randomBytes(8).toString("hex"), call()));
    if (unknown.ok) fail("cancel reports a fax that the provider does not know");
    else expectCode(context, "cancel for an unknown id", unknown.error, ["not_found"]);
  });
}

/** A fax that has not ended is canceled, and reported as that. */
export function checkCanceled<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.unfinished ?? suite.scenarios.accepted, async (context) => {
    const { transport, call, attempt, fail } = context;
    const { outcome } = await send(context);
    if (!outcome.ok) return fail(`send throws ${codeOf(outcome.error)} although the provider took the fax`);
    const { providerId } = outcome.value;
    const canceled = await attempt(() => transport.cancel?.(providerId, call()));
    if (!canceled.ok) return fail(`cancel of a fax that has not ended throws ${codeOf(canceled.error)}`);
    if (canceled.value) checkReport(canceled.value, fail, { providerId });
    const final =
      canceled.value?.status === "canceled"
        ? canceled.value
        : await context.reportOf(outcome.value, ({ status }) => ["canceled", "failed"].includes(status));
    if (final?.status !== "canceled") {
      fail(
        `a fax that was canceled is ${final ? `reported as ${final.status}` : "never reported as canceled"}`,
      );
    }
    await expectTaken(context, 1);
  });
}

/** What became of a fax comes through `run`, and again when the host could not store it. */
export function checkStatusByRun<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.statusByRun ?? suite.scenarios.accepted, async (context) => {
    const { events, fail } = context;
    context.failNextEmit();
    const { job, outcome } = await send(context);
    if (!outcome.ok) return fail(`send throws ${codeOf(outcome.error)} although the provider took the fax`);
    const { providerId } = outcome.value;
    const delivered = () =>
      events.flatMap((event) =>
        event.type === "status" &&
        event.report.providerId === providerId &&
        event.report.status === "delivered"
          ? [event]
          : [],
      );
    await context.until(() => delivered().length > 0);
    const [event] = delivered();
    if (!event) return fail("the end of a fax that the host could not store at first is lost");
    checkReport(event.report, fail, { attemptId: job.attemptId, providerId });
    if (!event.key) fail("what run reports has no key");
    if (new Set(delivered().map(({ key }) => key)).size > 1)
      fail("run reports one end of a fax under two keys");
    await expectTaken(context, 1);
  });
}

/** A transport that only receives says so, and nothing is taken. */
export function checkRefusesToSend<Peer extends TransportPeer>(
  suite: TransportSuite<Peer>,
): Promise<string[]> {
  return withPeer(suite, suite.scenarios.accepted, (context) =>
    expectRefusal(context, ["transport_rejected", "unsupported"]),
  );
}

function sends<Peer extends TransportPeer>({ suite }: SuiteContext<Peer>): boolean {
  return suite.manifest.capabilities.includes("send");
}

async function send<Peer extends TransportPeer>(
  context: SuiteContext<Peer>,
): Promise<{ job: SendJob; outcome: Outcome<StatusReport> }> {
  const job = await context.job();
  return { job, outcome: await context.attempt(context.transport.send(job, context.call())) };
}

async function expectRefusal<Peer extends TransportPeer>(
  context: SuiteContext<Peer>,
  codes: readonly string[],
): Promise<void> {
  const { outcome } = await send(context);
  if (outcome.ok) context.fail(`send succeeds where it should throw ${codes.join(" or ")}`);
  else expectCode(context, "send", outcome.error, codes);
  await expectTaken(context, 0);
}

async function expectUnhealthy<Peer extends TransportPeer>(context: SuiteContext<Peer>): Promise<void> {
  const health = await context.attempt(context.transport.checkHealth(context.call()));
  if (!health.ok) context.fail("checkHealth throws instead of reporting");
  else if (health.value.status !== "unhealthy")
    context.fail(`checkHealth says ${health.value.status}, not unhealthy`);
}

/** Whatever is thrown, it must not be one of the errors that prove something. */
function expectUnproven<Peer extends TransportPeer>(context: SuiteContext<Peer>, error: unknown): void {
  const code = codeOf(error);
  if (provenCodes.includes(code)) {
    context.fail(`send throws ${code}, as if it were proven that the fax was not taken`);
  } else if (code !== "outcome_unknown") context.fail(`send throws ${code} instead of outcome_unknown`);
}

function expectCode<Peer extends TransportPeer>(
  context: SuiteContext<Peer>,
  what: string,
  error: unknown,
  codes: readonly string[],
): void {
  const code = codeOf(error);
  if (!codes.includes(code)) context.fail(`${what} throws ${code} instead of ${codes.join(" or ")}`);
}

async function expectTaken<Peer extends TransportPeer>(
  context: SuiteContext<Peer>,
  expected: number,
): Promise<void> {
  const taken = await context.peer.faxesTaken();
  if (taken > expected) context.fail(`the provider took ${taken} faxes instead of ${expected}`);
  if (taken < expected)
    context.fail(`the provider took ${taken} faxes instead of ${expected}: nothing was sent`);
}

function canBeAsked<Peer extends TransportPeer>({ transport }: SuiteContext<Peer>): boolean {
  return transport.getStatus !== undefined || transport.run !== undefined;
}

/** A safe word for a thrown value. */
function codeOf(error: unknown): string {
  if (isFaxError(error)) return error.code;
  return error instanceof Error ? `a ${error.name}, not a FaxError,` : "something that is no error";
}
