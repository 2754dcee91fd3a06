import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { startAmiEmulator } from "@faxbot/testing";
import { describe, expect, it } from "vitest";
import { openBench } from "./asterisk-bench.ts";

const openssl = spawnSync("openssl", ["version"]).status === 0;

describe("TLS", () => {
  it.skipIf(!openssl)(
    "(needs the program openssl) is spoken to who has the right certificate, and to nobody else",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "faxbot-tls-"));
      const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
      execFileSync(
        "openssl",
        [
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
          "-nodes",
          "-days",
          "2",
        ].concat(
          ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
          ["-keyout", key, "-out", cert],
        ),
        { stdio: "ignore" },
      );
      const emulator = await startAmiEmulator({ completeAfterMs: 20 });
      // As Asterisk does with tlsenable: the same interface behind TLS.
      const front = createServer({ key: await readFile(key), cert: await readFile(cert) }, (socket) => {
        const inner = connect(emulator.port, "127.0.0.1");
        socket.pipe(inner).pipe(socket);
        socket.on("error", () => inner.destroy());
        inner.on("error", () => socket.destroy());
      });
      front.on("tlsClientError", () => {});
      await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
      const { port } = front.address() as AddressInfo;
      const ca = await readFile(cert, "utf8");
      const known = await openBench({ port, host: "localhost", tls: true, ca });
      const unknown = await openBench({ port, tls: true });
      const plain = await openBench({ port });
      try {
        known.start();
        await known.transport.send(known.job(), known.call());
        expect(await known.transport.checkHealth(known.call())).toMatchObject({ status: "healthy" });
        for (const bench of [unknown, plain]) {
          await expect(bench.transport.send(bench.job(), bench.call())).rejects.toMatchObject({
            code: "transport_unavailable",
          });
        }
        expect(emulator.faxes).toHaveLength(1);
      } finally {
        for (const bench of [known, unknown, plain]) await bench.close();
        front.close();
        await emulator.stop();
        await rm(folder, { recursive: true });
      }
    },
  );
});
