import { createHash } from "node:crypto";
import { type HttpClient, isFaxError, jsonBody, type TransportHost } from "@faxbot/core/transport";
import { humblefaxWebhookReply, humblefaxWebhooks } from "./humblefax-api.ts";

/**
 * Registers our webhook with HumbleFax unless it is there already. It is kept which URL was registered (as a hash: the
 * URL holds the token), because the shape of the list of webhooks is not documented and a second registration would
 * call us twice.
 *
 * @returns false when HumbleFax could not be asked; faxes are polled meanwhile
 */
export async function registerWebhook(
  client: HttpClient,
  url: string,
  host: TransportHost,
): Promise<boolean> {
  const mark = createHash("sha256").update(url).digest("hex");
  try {
    if ((await host.state.get("webhook")) === mark) return true;
    await host.limiter.acquire(host.signal);
    const webhooks = await client.json({ method: "GET", path: "/webhooks" }, humblefaxWebhooks, host);
    if (!JSON.stringify(webhooks).includes(JSON.stringify(url))) {
      await host.limiter.acquire(host.signal);
      await client.json(
        { method: "POST", path: "/webhook", body: jsonBody({ url }) },
        humblefaxWebhookReply,
        host,
      );
      host.logger.info({ transportId: "humblefax" }, "the webhook was registered");
    }
    await host.state.set("webhook", mark);
    return true;
  } catch (error) {
    if (host.signal.aborted) return false;
    host.logger.warn(
      { transportId: "humblefax", errorCode: isFaxError(error) ? error.code : "unknown" },
      "the webhook could not be registered and will be tried again",
    );
    return false;
  }
}
