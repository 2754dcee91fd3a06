import type { HttpAnswer } from "../http-exchange.ts";

/** What a number's webhook said should be done with a fax that comes in. */
export type SignalWireInstructions =
  | {
      verb: "Receive";
      action: string | undefined;
      method: "GET" | "POST";
      mediaType: "application/pdf" | "image/tiff";
    }
  | { verb: "Reject" }
  /** With the vendor's error code. */
  | { verb: "none"; code: number };

/**
 * Reads the answer of a number's webhook as strictly as the vendor documents it: 2xx, an XML content type, no white
 * space before the document, verbs in their exact case.
 */
export function readInstructions(answer: HttpAnswer | undefined): SignalWireInstructions {
  const none = (code: number): SignalWireInstructions => ({ verb: "none", code });
  if (!answer) return none(11200);
  if (answer.status < 200 || answer.status > 299) return none(11217);
  const type = answer.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type === undefined) return none(20422);
  if (type !== "text/xml" && type !== "application/xml") return none(12300);
  const text = answer.body.toString("utf8");
  const inner = /^(?:<\?xml[^>]*\?>\s*)?<Response\s*(?:\/>|>([\s\S]*)<\/Response>)\s*$/.exec(text);
  if (!inner) return none(12100);
  const verb = (inner[1] ?? "").replace(/<!--[\s\S]*?-->/g, "").trim();
  if (/^<Reject\s*(\/>|>\s*<\/Reject>)$/.test(verb)) return { verb: "Reject" };
  const receive = /^<Receive((?:\s+\w+="[^"<]*")*)\s*(?:\/>|>\s*<\/Receive>)$/.exec(verb);
  if (!receive) return none(12100);
  const attributes = new Map(
    [...(receive[1] ?? "").matchAll(/(\w+)="([^"]*)"/g)].map((match) => [
      match[1] ?? "",
      unescapeXml(match[2] ?? ""),
    ]),
  );
  const method = attributes.get("method") ?? "POST";
  const mediaType = attributes.get("mediaType") ?? "application/pdf";
  const pageSize = attributes.get("pageSize") ?? "letter";
  if (method !== "GET" && method !== "POST") return none(12100);
  if (mediaType !== "application/pdf" && mediaType !== "image/tiff") return none(12100);
  if (!["letter", "legal", "a4"].includes(pageSize)) return none(12100);
  return { verb: "Receive", action: attributes.get("action"), method, mediaType };
}

function unescapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (whole, name: string) => entities[name] ?? whole);
}
