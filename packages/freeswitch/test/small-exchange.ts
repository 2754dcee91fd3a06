import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** What the small exchange does with a command instead of what it would do. */
export type Reaction = "as usual" | "silence" | "hang up" | "take and hang up" | { reply: string };

/** An event socket whose calls a test moves on by hand. */
export interface SmallExchange {
  readonly port: number;
  /** Every command but the login, without the password's line. */
  readonly commands: readonly string[];
  /** Connections so far. */
  readonly connections: number;
  /** Calls that were begun, by channel. */
  readonly channels: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** How many originates were taken. */
  readonly taken: number;
  /** Decides what becomes of a command; default: all as usual. */
  react: (command: string) => Reaction;
  /** What is said to a new connection instead of the greeting. */
  greeting: string | undefined;
  /** Sends an event to everybody. */
  event(fields: Readonly<Record<string, string>>): void;
  /** Sends an event about a channel, with its marks. */
  channelEvent(uuid: string, fields: Readonly<Record<string, string>>): void;
  progress(uuid: string): void;
  answer(uuid: string): void;
  page(uuid: string, pages: number): void;
  result(uuid: string, code: number, pages: number, cause?: string): void;
  /** Ends a call and forgets it. */
  hangUp(uuid: string, cause: string, fields?: Readonly<Record<string, string>>): void;
  /** Ends a call without a word. */
  forget(uuid: string): void;
  /** Sends bytes as they are. */
  raw(bytes: string | Buffer): void;
  /** Breaks every connection. */
  drop(): void;
  /** Refuses connections until it is called again with true. */
  listen(on: boolean): Promise<void>;
  stop(): Promise<void>;
}

const causes: Readonly<Record<string, string>> = { NORMAL_CLEARING: "16", USER_BUSY: "17", NO_ANSWER: "19" };

/** Starts an event socket on 127.0.0.1 with this password. */
export async function smallExchange(password = "synthetic-password"): Promise<SmallExchange> {
  const sockets = new Set<Socket>();
  const commands: string[] = [];
  const channels = new Map<string, Record<string, string>>();
  let connections = 0;
  let taken = 0;
  let port = 0;

  const tell = (text: string | Buffer): void => {
    for (const socket of sockets) socket.write(text);
  };
  const eventText = (fields: Readonly<Record<string, string>>): string => {
    const body = JSON.stringify(fields);
    return `Content-Length: ${Buffer.byteLength(body)}\nContent-Type: text/event-json\n\n${body}`;
  };
  const exchange: SmallExchange = {
    get port() {
      return port;
    },
    commands,
    get connections() {
      return connections;
    },
    channels,
    get taken() {
      return taken;
    },
    react: () => "as usual",
    greeting: undefined,
    event: (fields) => tell(eventText(fields)),
    channelEvent(uuid, fields) {
      exchange.event({
        "Unique-ID": uuid,
        "Call-Direction": "outbound",
        "Event-Date-Timestamp": "1795319042821651",
        ...channels.get(uuid),
        ...fields,
      });
    },
    progress: (uuid) => exchange.channelEvent(uuid, { "Event-Name": "CHANNEL_PROGRESS" }),
    answer(uuid) {
      const channel = channels.get(uuid);
      if (channel) channel.variable_answer_epoch = "1795319042";
      exchange.channelEvent(uuid, { "Event-Name": "CHANNEL_ANSWER" });
    },
    page: (uuid, pages) =>
      exchange.channelEvent(uuid, {
        "Event-Name": "CUSTOM",
        "Event-Subclass": "spandsp::txfaxpageresult",
        "fax-document-transferred-pages": String(pages),
      }),
    result(uuid, code, pages, cause) {
      const channel = channels.get(uuid);
      const facts = { success: code === 0 ? "1" : "0", "result-code": String(code) };
      const told: Record<string, string> = { ...(cause ? { "Hangup-Cause": cause } : {}) };
      for (const [name, value] of Object.entries({ ...facts, "document-transferred-pages": String(pages) })) {
        told[`fax-${name}`] = value;
        if (channel) channel[`variable_fax_${name.replaceAll("-", "_")}`] = value;
      }
      exchange.channelEvent(uuid, {
        "Event-Name": "CUSTOM",
        "Event-Subclass": "spandsp::txfaxresult",
        ...told,
      });
    },
    hangUp(uuid, cause, fields = {}) {
      exchange.channelEvent(uuid, {
        "Event-Name": "CHANNEL_HANGUP_COMPLETE",
        "Hangup-Cause": cause,
        variable_hangup_cause_q850: causes[cause] ?? "0",
        ...fields,
      });
      channels.delete(uuid);
    },
    forget: (uuid) => void channels.delete(uuid),
    raw: tell,
    drop() {
      for (const socket of sockets) socket.destroy();
    },
    async listen(on) {
      if (on) {
        server.listen(port, "127.0.0.1");
        await once(server, "listening");
        return;
      }
      const closed = once(server, "close");
      server.close();
      exchange.drop();
      await closed;
    },
    stop: async () => {
      if (server.listening) await exchange.listen(false);
    },
  };

  /** The text that an API command prints, besides what it does. */
  const run = (command: string): string => {
    const [name = "", ...words] = command.split(" ");
    switch (name) {
      case "status":
        return "UP 0 years\n";
      case "uuid_exists":
        return String(channels.has(words[0] ?? ""));
      case "uuid_kill": {
        const [uuid = "", cause = "NORMAL_CLEARING"] = words;
        if (!channels.has(uuid)) return "-ERR No such channel!\n";
        setImmediate(() => exchange.hangUp(uuid, cause));
        return "+OK\n";
      }
      case "sofia":
        return words.at(-1) === "trunk" ? "Name\ttrunk\nStatus\tUP\n" : "Invalid Gateway!\n";
      case "originate": {
        taken += 1;
        const uuid = /origination_uuid=([^,}]*)/.exec(command)?.[1] ?? "";
        const attempt = /faxbot_attempt=([^,}]*)/.exec(command)?.[1] ?? "";
        const gateway = /sofia\/gateway\/([^/]*)\//.exec(command)?.[1] ?? "";
        channels.set(uuid, {
          variable_faxbot: "1",
          variable_faxbot_attempt: attempt,
          variable_sip_gateway_name: gateway,
        });
        setImmediate(() => exchange.channelEvent(uuid, { "Event-Name": "CHANNEL_CREATE" }));
        return "";
      }
      default:
        return `-ERR ${name} Command not found!\n`;
    }
  };

  const reply = (text: string): string => `Content-Type: command/reply\nReply-Text: ${text}\n\n`;
  const take = (message: string, socket: Socket): void => {
    const [line = ""] = message.split("\n");
    if (line.startsWith("auth ")) {
      if (line === `auth ${password}`) {
        socket.write(reply("+OK accepted"));
        return;
      }
      const notice = "Disconnected, goodbye.\n";
      socket.write(reply("-ERR invalid"));
      socket.end(`Content-Type: text/disconnect-notice\nContent-Length: ${notice.length}\n\n${notice}`);
      return;
    }
    commands.push(line);
    const reaction = exchange.react(line);
    if (reaction === "silence") return;
    if (reaction === "hang up") {
      socket.destroy();
      return;
    }
    if (typeof reaction === "object") {
      socket.write(reaction.reply);
      return;
    }
    const [verb = "", ...rest] = line.split(" ");
    const jobId = /^Job-UUID: (.*)$/m.exec(message)?.[1] ?? "";
    if (verb === "api" || verb === "bgapi") {
      const body = run(rest.join(" "));
      if (reaction === "take and hang up") {
        socket.destroy();
      } else if (verb === "api") {
        socket.write(`Content-Type: api/response\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}`);
      } else {
        socket.write(reply(`+OK Job-UUID: ${jobId}`));
        if (body !== "") {
          socket.write(eventText({ "Event-Name": "BACKGROUND_JOB", "Job-UUID": jobId, _body: body }));
        }
      }
      return;
    }
    socket.write(reply("+OK"));
  };

  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.write(exchange.greeting ?? "Content-Type: auth/request\n\n");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const message = text.slice(0, end);
        text = text.slice(end + 2);
        take(message, socket);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
  return exchange;
}
