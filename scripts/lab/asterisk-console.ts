import { connect, type Socket } from "node:net";

/** One message of the Asterisk Manager Interface, its repeated headers joined by line breaks. */
export type AmiFields = Readonly<Record<string, string>>;

/** The lab's own way into Asterisk, apart from the library that is tested: an account that sees and may do everything. */
export interface AsteriskConsole {
  /** Everything that came since the login and is no answer. */
  readonly events: readonly AmiFields[];
  /** @throws Error when Asterisk refuses */
  action(name: string, fields?: AmiFields): Promise<AmiFields>;
  /** What a command of the command line prints. */
  command(line: string): Promise<string>;
  close(): void;
}

/** Logs in and waits until Asterisk has started fully. */
export async function openConsole(port: number, secret: string): Promise<AsteriskConsole> {
  const socket = await connected(port);
  const events: AmiFields[] = [];
  const waiting = new Map<string, (answer: AmiFields) => void>();
  let booted: (() => void) | undefined;
  const fullyBooted = new Promise<void>((resolve) => {
    booted = resolve;
  });
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
      const message = readMessage(text.slice(0, end));
      text = text.slice(end + 4);
      const answer = message.Response === undefined ? undefined : waiting.get(message.ActionID ?? "");
      if (answer) {
        waiting.delete(message.ActionID ?? "");
        answer(message);
      } else {
        events.push(message);
        if (message.Event === "FullyBooted") booted?.();
      }
    }
  });
  const gone = new Promise<never>((_resolve, reject) => {
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("Asterisk closed the console")));
  });
  gone.catch(() => {});
  let actions = 0;
  const action = async (name: string, fields: AmiFields = {}): Promise<AmiFields> => {
    actions += 1;
    const id = `lab-${actions}`;
    const lines = Object.entries({ Action: name, ActionID: id, ...fields });
    const answered = new Promise<AmiFields>((resolve) => waiting.set(id, resolve));
    socket.write(`${lines.map(([key, value]) => `${key}: ${value}`).join("\r\n")}\r\n\r\n`);
    const answer = await Promise.race([answered, gone]);
    if (answer.Response === "Error") throw new Error(`${name}: ${answer.Message}`);
    return answer;
  };
  await action("Login", { Username: "lab", Secret: secret });
  await Promise.race([fullyBooted, gone]);
  return {
    events,
    action,
    command: async (line) => (await action("Command", { Command: line })).Output ?? "",
    close: () => socket.destroy(),
  };
}

function readMessage(text: string): AmiFields {
  const fields: Record<string, string> = {};
  for (const line of text.split("\r\n")) {
    const [, key, value] = /^([^:]+): ?([\s\S]*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    fields[key] = fields[key] === undefined ? value : `${fields[key]}\n${value}`;
  }
  return fields;
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return socket;
}
