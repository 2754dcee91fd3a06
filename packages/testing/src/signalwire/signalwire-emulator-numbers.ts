import { randomUUID } from "node:crypto";
import type { EmulatorResponse, EmulatorRoute } from "../emulator-server.ts";
import type { SignalWireRefuse } from "./signalwire-emulator-error.ts";
import { isHttpUrl, readSignalWireForm } from "./signalwire-emulator-send.ts";

/** The operations on numbers. */
export type SignalWireNumberOperation = "listNumbers" | "getNumber" | "updateNumber";

/** A number of the project, as far as it is about faxes. */
export interface SignalWireNumber {
  account_sid: string;
  sid: string;
  phone_number: string;
  friendly_name: string;
  capabilities: { voice: boolean; fax: boolean };
  /** A number is for voice or for fax, not for both. */
  voice_receive_mode: "voice" | "fax";
  voice_url: string | null;
  voice_method: "GET" | "POST";
  voice_fallback_url: string | null;
}

/** The numbers of the emulated project. */
export interface SignalWireNumbers {
  readonly routes: readonly EmulatorRoute<SignalWireNumberOperation>[];
  find(phoneNumber: string): SignalWireNumber | undefined;
  reset(): void;
}

/** Makes the numbers. @param options.base of the routes @param options.initialNumbers E.164 */
export function signalwireNumbers(options: {
  projectId: string;
  base: string;
  initialNumbers: readonly string[];
  refuse: SignalWireRefuse;
}): SignalWireNumbers {
  const { refuse } = options;
  let numbers: SignalWireNumber[] = [];
  const reset = (): void => {
    numbers = options.initialNumbers.map((phone_number) => ({
      account_sid: options.projectId,
      sid: randomUUID(),
      phone_number,
      friendly_name: phone_number,
      capabilities: { voice: true, fax: true },
      voice_receive_mode: "fax",
      voice_url: null,
      voice_method: "POST",
      voice_fallback_url: null,
    }));
  };
  reset();

  const change = (number: SignalWireNumber, form: URLSearchParams): EmulatorResponse => {
    const changed = structuredClone(number);
    for (const [name, value] of form) {
      if (name === "VoiceReceiveMode" && (value === "voice" || value === "fax")) {
        changed.voice_receive_mode = value;
      } else if (name === "VoiceMethod" && (value === "GET" || value === "POST")) {
        changed.voice_method = value;
      } else if (name === "VoiceUrl" && (value === "" || isHttpUrl(value))) {
        changed.voice_url = value || null;
      } else if (name === "VoiceFallbackUrl" && (value === "" || isHttpUrl(value))) {
        changed.voice_fallback_url = value || null;
      } else if (name === "FriendlyName") {
        changed.friendly_name = value;
      } else {
        return refuse(422, /Url$/.test(name) ? 21402 : 10000, `${name} is not valid`);
      }
    }
    Object.assign(number, changed);
    return { status: 200, body: changed as unknown as Readonly<Record<string, unknown>> };
  };
  const path = `${options.base}/IncomingPhoneNumbers`;
  const bySid = (sid: string | undefined): SignalWireNumber | undefined =>
    numbers.find((number) => number.sid === sid);

  return {
    routes: [
      {
        operation: "listNumbers",
        method: "GET",
        path,
        handle: ({ query, path: uri }) => ({
          status: 200,
          body: {
            uri,
            first_page_uri: uri,
            next_page_uri: null,
            previous_page_uri: null,
            page: 0,
            page_size: 50,
            incoming_phone_numbers: numbers.filter(({ phone_number }) =>
              phone_number.includes(query.get("PhoneNumber") ?? ""),
            ),
          },
        }),
      },
      {
        operation: "getNumber",
        method: "GET",
        path: `${path}/{sid}`,
        handle({ params }) {
          const number = bySid(params.sid);
          return number ? { status: 200, body: { ...number } } : refuse(404, 20404, "No such number");
        },
      },
      {
        operation: "updateNumber",
        method: "POST",
        path: `${path}/{sid}`,
        handle(request) {
          const number = bySid(request.params.sid);
          if (!number) return refuse(404, 20404, "No such number");
          const form = readSignalWireForm(request);
          return form ? change(number, form) : refuse(422, 10000, "The body is not a form");
        },
      },
    ],
    find: (phoneNumber) => numbers.find(({ phone_number }) => phone_number === phoneNumber),
    reset,
  };
}
