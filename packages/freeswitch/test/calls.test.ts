import { randomBytes } from "node:crypto";
import { readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { capturingLogger, sendJob, transportCall } from "@faxbot/testing";
import { describe, expect, test } from "vitest";
import { eventually, exchangeInTest, reportsOf } from "./exchange-in-test.ts";
import { faxTiff } from "./fax-tiff.ts";

const job = (more: object = {}) => sendJob({ document: faxTiff(), ...more });

describe("the order to call", () => {
  test("is one originate with all that the call needs", async () => {
    const { exchange, transport, folders } = await exchangeInTest({
      settings: {
        dialPrefix: "011",
        callerIdName: "St. Mary's, ICU",
        headerText: "Clinic {x}",
        ringSeconds: 45,
      },
    });
    const sent = job({ to: "+442071234567", document: faxTiff(3) });
    const report = await transport.send(sent, transportCall());
    const uuid = sent.attemptId.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    expect(report).toMatchObject({ providerId: uuid, status: "queued", reference: sent.attemptId });
    expect(exchange.commands.at(-1)).toBe(
      `bgapi originate {origination_uuid=${uuid},origination_caller_id_number=+12125550100,` +
        "origination_caller_id_name='St. Mary s ICU',ignore_early_media=true,originate_timeout=45,faxbot=1," +
        `faxbot_attempt=${sent.attemptId},fax_enable_t38=true,fax_enable_t38_request=false,fax_use_ecm=true,` +
        "fax_disable_v17=false,fax_ident='+12125550100',fax_header='Clinic x',fax_verbose=false," +
        "execute_on_answer='sched_hangup +390 ALLOTTED_TIMEOUT'}" +
        `sofia/gateway/trunk/011442071234567 &txfax(${folders.spoolOut}/${sent.attemptId}.tif)`,
    );
    expect(await readdir(folders.spoolOut)).toEqual([`${sent.attemptId}.tif`]);
  });

  test("goes down the ladder with what went wrong before", async () => {
    const { exchange, transport } = await exchangeInTest();
    const lineError = { reason: "line_error", retryable: true } as const;
    const variables = async (earlierFailures: object[], options = {}) => {
      await transport.send(job({ earlierFailures, options }), transportCall());
      const command = exchange.commands.at(-1) ?? "";
      return ["fax_enable_t38", "fax_use_ecm", "fax_disable_v17"].map(
        (name) => new RegExp(`[{,]${name}=(\\w+)`).exec(command)?.[1],
      );
    };
    expect(await variables([])).toEqual(["true", "true", "false"]);
    expect(await variables([lineError])).toEqual(["true", "true", "true"]);
    expect(await variables([lineError, { ...lineError, providerCode: "Q.850/88" }])).toEqual([
      "false",
      "true",
      "true",
    ]);
    expect(await variables([], { t38: false })).toEqual(["false", "true", "false"]);
  });

  test("is given once, whoever asks twice", async () => {
    const { exchange, transport } = await exchangeInTest();
    const same = job();
    const [first, second] = await Promise.all([
      transport.send(same, transportCall()),
      transport.send(same, transportCall()),
    ]);
    expect(first.providerId).toBe(second.providerId);
    expect((await transport.send(same, transportCall())).providerId).toBe(first.providerId);
    expect(exchange.taken).toBe(1);
  });

  test("waits for a line", async () => {
    const inTest = await exchangeInTest({ settings: { maxCalls: 2 } });
    const { exchange, transport } = inTest;
    inTest.run();
    const [first] = await Promise.all([
      transport.send(job(), transportCall()),
      transport.send(job(), transportCall()),
    ]);
    expect(transport.hasLine()).toBe(false);
    await expect(transport.send(job(), transportCall())).rejects.toMatchObject({
      code: "transport_unavailable",
      retryAfterMs: 5_000,
    });
    exchange.hangUp(first.providerId, "USER_BUSY");
    await eventually(() => expect(transport.hasLine()).toBe(true));
    await transport.send(job(), transportCall());
    expect(exchange.taken).toBe(3);
  });

  test.each([
    ["a gateway that is not there", "-ERR INVALID_GATEWAY", "INVALID_GATEWAY"],
    ["an endpoint that is not there", "-ERR CHAN_NOT_IMPLEMENTED", "CHAN_NOT_IMPLEMENTED"],
    ["a command that is not understood", "-USAGE <call url> <exten>", "refused"],
    ["a module that is not there", "-ERR originate Command not found!", "refused"],
  ])("is refused for %s, which proves that nothing was dialled", async (_, answer, code) => {
    const { exchange, transport, folders } = await exchangeInTest();
    const refused = job();
    exchange.react = (command) => {
      if (!command.includes("originate")) return "as usual";
      const uuid = /origination_uuid=([^,]*)/.exec(command)?.[1] ?? "";
      setImmediate(() =>
        exchange.event({ "Event-Name": "BACKGROUND_JOB", "Job-UUID": uuid, _body: `${answer}\n` }),
      );
      return { reply: `Content-Type: command/reply\nReply-Text: +OK Job-UUID: ${uuid}\n\n` };
    };
    await expect(transport.send(refused, transportCall())).rejects.toMatchObject({
      code: "transport_rejected",
      failure: { reason: "account", retryable: false, providerCode: `FreeSWITCH/${code}` },
    });
    expect(await readdir(folders.spoolOut)).toEqual([]);
    expect(transport.hasLine()).toBe(true);
  });

  test("refused for an id that is already on the line: the first call counts", async () => {
    const inTest = await exchangeInTest();
    const { exchange, transport } = inTest;
    const { host } = inTest.run();
    const { providerId } = await transport.send(job(), transportCall());
    const answer = "-ERR DESTINATION_OUT_OF_ORDER\n";
    exchange.event({ "Event-Name": "BACKGROUND_JOB", "Job-UUID": providerId, _body: answer });
    await eventually(() => expect(exchange.commands).toContain(`api uuid_exists ${providerId}`));
    exchange.answer(providerId);
    exchange.result(providerId, 0, 1);
    await eventually(() => expect(reportsOf(host).at(-1)?.status).toBe("delivered"));
  });

  test("refused without a channel that could tell more: the answer counts", async () => {
    const inTest = await exchangeInTest();
    const { exchange, transport } = inTest;
    const { host } = inTest.run();
    const { providerId } = await transport.send(job(), transportCall());
    exchange.forget(providerId);
    const answer = "-ERR NORMAL_CIRCUIT_CONGESTION\n";
    exchange.event({ "Event-Name": "BACKGROUND_JOB", "Job-UUID": providerId, _body: answer });
    await eventually(() =>
      expect(reportsOf(host)).toMatchObject([
        { status: "failed", failure: { reason: "line_error", providerCode: "Q.850/34" } },
      ]),
    );
  });
});

describe("a cancel", () => {
  const started = async () => {
    const inTest = await exchangeInTest();
    const { host } = inTest.run();
    const { providerId } = await inTest.transport.send(job(), transportCall());
    return { ...inTest, host, providerId };
  };

  test("while it rings", async () => {
    const { exchange, transport, providerId, host } = await started();
    exchange.progress(providerId);
    expect(await transport.cancel(providerId, transportCall())).toMatchObject({ status: "canceled" });
    expect(exchange.commands).toContain(`bgapi uuid_kill ${providerId} ORIGINATOR_CANCEL`);
    await eventually(() => expect(reportsOf(host).at(-1)?.status).toBe("canceled"));
    expect(reportsOf(host).at(-1)?.failure).toBeUndefined();
  });

  test("while it sends", async () => {
    const { exchange, transport, providerId } = await started();
    exchange.answer(providerId);
    exchange.page(providerId, 1);
    exchange.react = (command) => {
      if (command.includes("uuid_kill")) exchange.result(providerId, 49, 1, "ORIGINATOR_CANCEL");
      return "as usual";
    };
    expect(await transport.cancel(providerId, transportCall())).toMatchObject({
      status: "canceled",
      pages: 1,
    });
  });

  test("that loses the race: the fax is delivered", async () => {
    const { exchange, transport, providerId } = await started();
    exchange.answer(providerId);
    exchange.react = (command) => {
      if (command.includes("uuid_kill")) exchange.result(providerId, 0, 1, "ORIGINATOR_CANCEL");
      return "as usual";
    };
    expect(await transport.cancel(providerId, transportCall())).toMatchObject({ status: "delivered" });
    expect(await transport.cancel(providerId, transportCall())).toMatchObject({ status: "delivered" });
  });

  test("of a call that is gone, or never was", async () => {
    const { exchange, transport, providerId } = await started();
    exchange.forget(providerId);
    for (const id of [providerId, "00000000-0000-4000-8000-00000000abcd", "x", "../etc/passwd"]) {
      await expect(transport.cancel(id, transportCall())).rejects.toMatchObject({ code: "not_found" });
    }
  });

  test("without a loop hears of the end itself", async () => {
    const { exchange, transport } = await exchangeInTest();
    const { providerId } = await transport.send(job(), transportCall());
    exchange.progress(providerId);
    expect(await transport.cancel(providerId, transportCall())).toMatchObject({ status: "canceled" });
  });

  test("of a call that a process before this one made", async () => {
    const { exchange, transport, another } = await exchangeInTest();
    const { providerId } = await transport.send(job(), transportCall());
    exchange.progress(providerId);
    const again = another();
    expect(await again.cancel(providerId, transportCall())).toMatchObject({ status: "canceled" });
    await expect(again.cancel("0".repeat(8) + providerId.slice(8), transportCall())).rejects.toMatchObject({
      code: "not_found",
    });
    expect(again.hasLine()).toBe(true);
  });

  test("is known by its cause to a process that did not ask for it, but only on an answered call", async () => {
    const inTest = await exchangeInTest();
    const { exchange } = inTest;
    const { providerId: answered } = await inTest.transport.send(job(), transportCall());
    const { providerId: ringing } = await inTest.transport.send(job(), transportCall());
    const { host } = inTest.run({}, inTest.another());
    await eventually(() => expect(exchange.commands).toContain(`api uuid_exists ${ringing}`));
    exchange.answer(answered);
    exchange.hangUp(answered, "ORIGINATOR_CANCEL");
    // A far end's own 487 before the answer
    exchange.hangUp(ringing, "ORIGINATOR_CANCEL");
    await eventually(() => expect(reportsOf(host)).toHaveLength(3));
    expect(reportsOf(host).map(({ status }) => status)).toEqual(["in_progress", "canceled", "failed"]);
  });
});

describe("ends that say little", () => {
  test.each([
    ["the far end hangs up", "NORMAL_CLEARING", "recv_bye", "Q.850/16", true],
    ["txfax cannot read the file", "NORMAL_CLEARING", "send_bye", "FreeSWITCH/txfax_not_started", false],
    ["FreeSWITCH is stopped", "SYSTEM_SHUTDOWN", "send_bye", "FreeSWITCH/SYSTEM_SHUTDOWN", true],
    ["its own watchdog ends it", "ALLOTTED_TIMEOUT", "send_bye", "FreeSWITCH/ALLOTTED_TIMEOUT", true],
    ["a cause that is not known", "SOMETHING_NEW", "send_bye", "Q.850/0", true],
    ["a cause that is no word", "x\r\ny", "send_bye", "Q.850/0", true],
  ])("%s after the answer", async (_, cause, disposition, code, retryable) => {
    const inTest = await exchangeInTest();
    const { exchange, transport } = inTest;
    const { host } = inTest.run();
    const { providerId } = await transport.send(job(), transportCall());
    exchange.answer(providerId);
    exchange.hangUp(providerId, cause, { variable_sip_hangup_disposition: disposition });
    await eventually(() => expect(reportsOf(host).at(-1)).toMatchObject({ status: "failed" }));
    expect(reportsOf(host).at(-1)?.failure).toMatchObject({ providerCode: code, retryable });
  });

  test("a far end that drops the call because of T.38 is called without it next", async () => {
    const inTest = await exchangeInTest();
    const { exchange, transport } = inTest;
    const { host } = inTest.run();
    const { providerId } = await transport.send(job(), transportCall());
    exchange.answer(providerId);
    exchange.result(providerId, 49, 0, "INCOMPATIBLE_DESTINATION");
    const failure = await eventually(() => {
      const report = reportsOf(host).at(-1);
      if (!report?.failure) throw new Error("it has not failed yet");
      return report.failure;
    });
    expect(failure).toMatchObject({ retryable: true, providerCode: "Q.850/88" });
    await transport.send(job({ earlierFailures: [failure] }), transportCall());
    expect(exchange.commands.at(-1)).toContain("fax_enable_t38=false");
  });

  test("events in any order, and twice, end a call once", async () => {
    const inTest = await exchangeInTest();
    const { exchange, transport } = inTest;
    const { host } = inTest.run();
    const { providerId } = await transport.send(job(), transportCall());
    const body = { "Event-Name": "BACKGROUND_JOB", "Job-UUID": providerId, _body: "-ERR USER_BUSY\n" };
    exchange.event(body);
    exchange.hangUp(providerId, "USER_BUSY");
    exchange.event(body);
    exchange.channelEvent(providerId, {
      "Event-Name": "CHANNEL_HANGUP_COMPLETE",
      "Hangup-Cause": "NO_ANSWER",
    });
    exchange.answer(providerId);
    const { providerId: next } = await transport.send(job(), transportCall());
    exchange.hangUp(next, "NO_ANSWER");
    await eventually(() => expect(reportsOf(host)).toHaveLength(2));
    expect(reportsOf(host).map(({ failure }) => failure?.reason)).toEqual(["busy", "no_answer"]);
  });
});

describe("a call that never ends", () => {
  test("is hung up by the library when FreeSWITCH's own watchdog is not there", async () => {
    const inTest = await exchangeInTest({ timing: { verifyMs: 50, settleMs: 50, callGraceMs: -60_000 } });
    const { exchange, transport } = inTest;
    const { host } = inTest.run();
    const { providerId } = await transport.send(job(), transportCall());
    await eventually(() =>
      expect(exchange.commands).toContain(`bgapi uuid_kill ${providerId} ALLOTTED_TIMEOUT`),
    );
    await eventually(() =>
      expect(reportsOf(host).at(-1)?.failure).toMatchObject({ providerCode: "FreeSWITCH/ALLOTTED_TIMEOUT" }),
    );
  });

  test("but not one that is found running: between two pages minutes may pass", async () => {
    const inTest = await exchangeInTest({ timing: { verifyMs: 20, settleMs: 20, callGraceMs: -60_000 } });
    const { exchange } = inTest;
    const { providerId } = await inTest.transport.send(job(), transportCall());
    inTest.run({}, inTest.another());
    const asked = `api uuid_exists ${providerId}`;
    await eventually(() =>
      expect(exchange.commands.filter((each) => each === asked).length).toBeGreaterThan(4),
    );
    expect(exchange.commands.join()).not.toContain("uuid_kill");
  });

  test("and whose events were dropped is noticed", async () => {
    const inTest = await exchangeInTest({ timing: { verifyMs: 50 } });
    const { exchange, transport } = inTest;
    const logger = capturingLogger();
    const { host } = inTest.run({ logger });
    const { providerId } = await transport.send(job(), transportCall());
    exchange.answer(providerId);
    exchange.forget(providerId);
    await eventually(() => expect(logger.text()).toContain("its outcome is unknown"));
    await expect(transport.getStatus(providerId, transportCall())).rejects.toMatchObject({
      code: "not_found",
    });
    expect(reportsOf(host).map(({ status }) => status)).toEqual(["in_progress"]);
  });
});

describe("what is left in the outgoing folder", () => {
  test("goes once no call can need it any more", async () => {
    const inTest = await exchangeInTest({ timing: { scanMs: 40 } });
    const { exchange, transport, folders } = inTest;
    const { providerId } = await transport.send(job(), transportCall());
    const [old, young] = [randomBytes(16).toString("hex"), randomBytes(16).toString("hex")];
    for (const name of [old, young]) await writeFile(join(folders.spoolOut, `${name}.tif`), "II*");
    for (const name of [old, providerId.replaceAll("-", "")]) {
      await utimes(join(folders.spoolOut, `${name}.tif`), 0, 0);
    }
    inTest.run();
    const left = () => readdir(folders.spoolOut).then((names) => names.sort());
    await eventually(async () =>
      expect(await left()).toEqual([`${young}.tif`, `${providerId.replaceAll("-", "")}.tif`].sort()),
    );
    expect(exchange.channels.has(providerId)).toBe(true);
  });
});

describe("a host that cannot store", () => {
  test("gets every event again, in order, and the file stays until the result is stored", async () => {
    const inTest = await exchangeInTest();
    const { exchange, transport, folders } = inTest;
    let down = 3;
    const { host } = inTest.run({
      emit: async () => {
        down -= 1;
        if (down >= 0) throw new Error("the store is down");
      },
    });
    const { providerId } = await transport.send(job(), transportCall());
    exchange.answer(providerId);
    exchange.result(providerId, 0, 1);
    expect(await readdir(folders.spoolOut)).toHaveLength(1);
    await eventually(() =>
      expect(reportsOf(host).map(({ status }) => status)).toEqual(["in_progress", "delivered"]),
    );
    await eventually(async () => expect(await readdir(folders.spoolOut)).toEqual([]));
  });

  test("gets the result from the next loop", async () => {
    const inTest = await exchangeInTest();
    const { exchange, transport } = inTest;
    const first = inTest.run({
      emit: async () => {
        throw new Error("the store is down");
      },
    });
    const { providerId } = await transport.send(job(), transportCall());
    exchange.answer(providerId);
    exchange.result(providerId, 0, 1);
    await eventually(async () =>
      expect((await transport.getStatus(providerId, transportCall())).status).toBe("delivered"),
    );
    await first.stop();
    const { host } = inTest.run();
    await eventually(() => expect(reportsOf(host).map(({ status }) => status)).toEqual(["delivered"]));
  });
});
