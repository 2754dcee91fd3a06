import { checkDocuments } from "./check-documents.ts";
import { checkManifest } from "./check-manifest.ts";
import {
  checkAborted,
  checkAccepted,
  checkBusy,
  checkCancel,
  checkCanceled,
  checkHangs,
  checkHealthy,
  checkMalformedReply,
  checkOptions,
  checkRateLimited,
  checkRedirect,
  checkRefusesToSend,
  checkResponseLost,
  checkServerError,
  checkStatusByRun,
  checkUnauthorized,
  checkUnavailable,
  checkUnmappedStatus,
} from "./check-sending.ts";
import { checkReceivedByRun, checkReceivedWebhook, checkStatusWebhook } from "./check-webhooks.ts";
import {
  isImpossible,
  type TransportPeer,
  type TransportScenarios,
  type TransportSuite,
} from "./transport-suite.ts";

interface TransportCheck {
  /** What a transport that passes does. */
  title: string;
  run<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]>;
  /** Without it the check does not apply. */
  scenario?: keyof TransportScenarios<TransportPeer>;
  /** Without one of these capabilities the check does not apply. */
  needs?: readonly string[];
  /** With this capability the check does not apply. */
  unless?: string;
}

const checks = {
  manifest: { title: "says in its manifest what it does, and nothing else", run: checkManifest },
  accepted: {
    title: "hands a fax over once and reports what became of it",
    run: checkAccepted,
    needs: ["send"],
  },
  busy: {
    title: "reports busy as a status with a reason",
    run: checkBusy,
    scenario: "busy",
    needs: ["send"],
  },
  unauthorized: {
    title: "says that credentials are refused",
    run: checkUnauthorized,
    scenario: "unauthorized",
  },
  rateLimited: {
    title: "says that there were too many calls",
    run: checkRateLimited,
    scenario: "rateLimited",
    needs: ["send"],
  },
  unavailable: { title: "says that nobody could be reached", run: checkUnavailable, scenario: "unavailable" },
  hangs: { title: "gives up when its signal says so, outcome unknown", run: checkHangs, scenario: "hangs" },
  aborted: { title: "does nothing when its signal is already aborted", run: checkAborted, needs: ["send"] },
  malformedReply: {
    title: "takes an answer that cannot be read for no proof",
    run: checkMalformedReply,
    scenario: "malformedReply",
    needs: ["send"],
  },
  unmappedStatus: {
    title: "keeps a status word that it does not know, as unmapped",
    run: checkUnmappedStatus,
    scenario: "unmappedStatus",
    needs: ["send"],
  },
  responseLost: {
    title: "never repeats a send whose answer was lost, and finds it again",
    run: checkResponseLost,
    scenario: "responseLost",
    needs: ["send"],
  },
  serverError: {
    title: "takes an error of the provider for no proof",
    run: checkServerError,
    scenario: "serverError",
    needs: ["send"],
  },
  redirect: {
    title: "carries nothing to another host",
    run: checkRedirect,
    scenario: "redirect",
    needs: ["send"],
  },
  options: { title: "refuses options that it does not have", run: checkOptions, needs: ["send"] },
  healthy: { title: "checks the provider's health without sending", run: checkHealthy },
  cancel: { title: "reports what came of a cancel", run: checkCancel, needs: ["cancel"] },
  canceled: {
    title: "cancels a fax that has not ended, and reports it as canceled",
    run: checkCanceled,
    scenario: "unfinished",
    needs: ["cancel"],
  },
  refusesToSend: {
    title: "refuses to send, because it only receives",
    run: checkRefusesToSend,
    unless: "send",
  },
  statusByRun: {
    title: "reports through run what became of a fax, again when the host could not store it",
    run: checkStatusByRun,
    scenario: "statusByRun",
    needs: ["run"],
  },
  statusWebhook: {
    title: "verifies and reads a status webhook, and refuses a tampered one",
    run: checkStatusWebhook,
    scenario: "statusWebhook",
    needs: ["webhook"],
  },
  receivedWebhook: {
    title: "verifies and reads the webhook of a received fax, and refuses a tampered one",
    run: checkReceivedWebhook,
    scenario: "receivedWebhook",
    needs: ["webhook"],
  },
  receivedByRun: {
    title: "hands a received fax over again when the host could not store it",
    run: checkReceivedByRun,
    scenario: "receivedByRun",
    needs: ["run"],
  },
  documents: {
    title: "fetches and deletes documents by id",
    run: checkDocuments,
    needs: ["fetch_document", "delete_document"],
  },
} as const satisfies Record<string, TransportCheck>;

/** The name of one check of the suite. */
export type TransportCheckName = keyof typeof checks;

/** All checks of the suite, in the order in which they run. */
export const transportCheckNames = Object.keys(checks) as TransportCheckName[];

/** What a transport that passes the check does, as a sentence without its subject. */
export function titleOfCheck(name: TransportCheckName): string {
  return checks[name].title;
}

/**
 * Why a check does not apply to a transport: a capability that its manifest does not list, or the reason that its
 * author gave. `undefined` when it applies.
 */
export function reasonToSkip(suite: TransportSuite<never>, name: TransportCheckName): string | undefined {
  const { scenario, needs, unless }: Omit<TransportCheck, "run"> = checks[name];
  if (needs && !needs.some((need) => (suite.manifest.capabilities as readonly string[]).includes(need))) {
    return `the manifest lists no ${needs.join(" or ")}`;
  }
  if (unless && (suite.manifest.capabilities as readonly string[]).includes(unless)) {
    return `the manifest lists ${unless}`;
  }
  const arranged = scenario && (suite.scenarios as TransportScenarios<never>)[scenario];
  if (scenario && arranged === undefined) return `no scenario ${scenario} was given`;
  return isImpossible(arranged) ? arranged.impossible : undefined;
}

/**
 * Runs one check of the conformance suite as a plain function, without a test runner.
 *
 * Besides what its title says, each check searches every log line and every thrown error for secrets, Authorization
 * headers, the destination's number and the document's text, and each wants `run` to end when its signal aborts.
 *
 * @returns what is wrong, one sentence each; empty when the transport passes
 * @example
 * const defects = await checkTransport(suite, "responseLost");
 */
export function checkTransport<Peer extends TransportPeer>(
  suite: TransportSuite<Peer>,
  name: TransportCheckName,
): Promise<string[]> {
  return checks[name].run(suite);
}
