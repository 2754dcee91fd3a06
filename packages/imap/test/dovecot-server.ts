import { execFileSync, spawn } from "node:child_process";
import { chown, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Why a test against a real server cannot run here; `undefined` when it can. */
export const dovecotMissing: string | undefined = (() => {
  try {
    execFileSync("dovecot", ["--version"], { stdio: "ignore", env: { ...process.env, PATH: searchPath() } });
    return undefined;
  } catch {
    return "dovecot is not installed (Debian: dovecot-imapd)";
  }
})();

/** Debian has it where only administrators look. */
function searchPath(): string {
  return `${process.env.PATH ?? ""}:/usr/sbin:/usr/local/sbin`;
}

/** A real mail server of our own, without privileges, with one user and a certificate that it signed itself. */
export interface DovecotServer {
  readonly settings: { host: string; port: number; user: string; pass: string; ca: string };
  readonly starttlsPort: number;
  /** Lays a mail into the mailbox, as it is. */
  deliver(mail: string | Buffer): Promise<void>;
  /** How many mails are seen, and how many there are. */
  count(): Promise<{ seen: number; all: number }>;
  /** Stops the server and starts it again with a mailbox of another UIDVALIDITY. */
  renumber(): Promise<void>;
  stopListening(): Promise<void>;
  listen(): Promise<void>;
  stop(): Promise<void>;
}

export async function startDovecot(): Promise<DovecotServer> {
  const folder = await mkdtemp(join(tmpdir(), "faxbot-dovecot-"));
  const isRoot = process.getuid?.() === 0;
  // A mail user must not be root; who is not root has to be himself.
  const owner = isRoot ? { uid: 65_534, gid: 65_534 } : { uid: userInfo().uid, gid: userInfo().gid };
  const user = isRoot ? "nobody" : userInfo().username;
  const group = execFileSync("id", ["-gn", user]).toString().trim();
  const own = async (path: string) => (isRoot ? chown(path, owner.uid, owner.gid) : undefined);
  const maildir = join(folder, "home", "Maildir");
  await own(folder);
  for (const path of [
    join(folder, "home"),
    maildir,
    ...["cur", "new", "tmp"].map((name) => join(maildir, name)),
  ]) {
    await mkdir(path, { mode: 0o700 });
    await own(path);
  }
  const keyFile = join(folder, "key.pem");
  const certFile = join(folder, "cert.pem");
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const about = [
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1",
  ];
  execFileSync("openssl", [...request, ...about, "-keyout", keyFile, "-out", certFile], { stdio: "ignore" });
  const [port, starttlsPort] = [await freePort(), await freePort()];
  const pass = "a password of a test";
  await writeFile(join(folder, "users"), `fax@example.com:{PLAIN}${pass}\n`);
  await own(join(folder, "users"));
  const configuration = join(folder, "dovecot.conf");
  await writeFile(
    configuration,
    `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <${certFile}
ssl_key = <${keyFile}
default_internal_user = ${user}
default_internal_group = ${group}
default_login_user = ${user}
first_valid_uid = 1
mail_location = maildir:~/Maildir
auth_failure_delay = 0
service imap-login {
  chroot =
  inet_listener imap {
    port = ${starttlsPort}
  }
  inet_listener imaps {
    port = ${port}
    ssl = yes
  }
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
passdb {
  driver = passwd-file
  args = username_format=%u ${folder}/users
}
userdb {
  driver = static
  args = uid=${owner.uid} gid=${owner.gid} home=${folder}/home
}
`,
  );

  let server: { exited: Promise<unknown>; kill: () => void } | undefined;
  const listen = async (): Promise<void> => {
    const child = spawn("dovecot", ["-F", "-c", configuration], {
      stdio: "ignore",
      env: { ...process.env, PATH: searchPath() },
    });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    server = { exited, kill: () => void child.kill("SIGTERM") };
    for (let tries = 0; !(await answers(port)); tries += 1) {
      if (child.exitCode !== null || tries > 200) {
        throw new Error(
          `dovecot does not start: ${await readFile(join(folder, "log"), "utf8").catch(() => "")}`,
        );
      }
      await sleep(25);
    }
  };
  const stopListening = async (): Promise<void> => {
    server?.kill();
    await server?.exited;
    server = undefined;
  };
  await listen();
  let delivered = 0;

  return {
    settings: {
      host: "127.0.0.1",
      port,
      user: "fax@example.com",
      pass,
      ca: await readFile(certFile, "utf8"),
    },
    starttlsPort,
    async deliver(mail) {
      delivered += 1;
      const name = `${Date.now()}.${process.pid}_${delivered}.localhost`;
      const path = join(maildir, "tmp", name);
      await writeFile(path, mail);
      await own(path);
      await rename(path, join(maildir, "new", name));
    },
    async count() {
      const names = await readdir(join(maildir, "cur"));
      const fresh = await readdir(join(maildir, "new"));
      return {
        seen: names.filter((name) => /:2,[A-Za-z]*S/.test(name)).length,
        all: names.length + fresh.length,
      };
    },
    async renumber() {
      await stopListening();
      for (const name of await readdir(maildir)) {
        if (name.startsWith("dovecot")) await rm(join(maildir, name), { recursive: true });
      }
      // UIDVALIDITY is the time in seconds.
      await sleep(1_050);
      await listen();
    },
    listen,
    stopListening,
    async stop() {
      await stopListening();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => void server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}
