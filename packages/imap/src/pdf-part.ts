/** What is read of a part in a mail's structure, as the server tells it. */
export interface MailPart {
  part?: string | undefined;
  type?: string | undefined;
  encoding?: string | undefined;
  size?: number | undefined;
  parameters?: Readonly<Record<string, unknown>> | undefined;
  dispositionParameters?: Readonly<Record<string, unknown>> | undefined;
  childNodes?: readonly MailPart[] | undefined;
}

/** A part that may be a fax. */
export interface PdfPart {
  /** IMAP's number of the part. */
  part: string;
  fileName: string;
  /** About so many bytes once it is decoded; at least as many. */
  size: number;
}

const deepest = 20;
const mostParts = 500;

/**
 * Lists the parts of a mail that call themselves PDF, in order: `application/pdf`, or bytes without a type under a name
 * that ends in `.pdf`. What they call themselves proves nothing; their first bytes are checked later.
 *
 * @param root the mail's structure; anything that is odd in it is passed over
 */
export function pdfParts(root: MailPart | undefined): PdfPart[] {
  const found: PdfPart[] = [];
  let seen = 0;
  const visit = (node: MailPart, depth: number): void => {
    seen += 1;
    if (seen > mostParts || depth > deepest) return;
    if (Array.isArray(node.childNodes) && node.childNodes.length > 0) {
      for (const child of node.childNodes as readonly MailPart[]) visit(child, depth + 1);
      return;
    }
    const name = nameOf(node);
    const type = String(node.type ?? "").toLowerCase();
    const named = type === "application/octet-stream" && /\.pdf$/i.test(name ?? "");
    if (type !== "application/pdf" && type !== "application/x-pdf" && !named) return;
    // A mail of one part has no number; its only body is part 1.
    const part = node.part ?? "1";
    if (!/^\d+(\.\d+)*$/.test(part)) return;
    const size = Number.isFinite(node.size) ? Math.max(0, Number(node.size)) : 0;
    const base64 = String(node.encoding ?? "").toLowerCase() === "base64";
    // Line breaks make base64 a little longer than four thirds, never shorter.
    found.push({ part, fileName: safeName(name), size: base64 ? Math.ceil((size * 3) / 4) : size });
  };
  if (root) visit(root, 0);
  return found;
}

function nameOf(node: MailPart): string | undefined {
  const name = node.dispositionParameters?.filename ?? node.parameters?.name;
  return typeof name === "string" ? name : undefined;
}

/** A name that can lie in any folder: letters, digits and `._-`, no path, no leading dot, at most 100 characters. */
export function safeName(name: string | undefined): string {
  const stem = (name ?? "")
    .slice(-1_000)
    .replace(/^.*[/\\]/s, "")
    .replace(/\.pdf$/i, "")
    .replace(/[^A-Za-z0-9._-]+/g, "_")
    .replace(/\.{2,}/g, ".")
    .replace(/^[._-]+|[._-]+$/g, "")
    .slice(0, 96);
  return `${stem || "fax"}.pdf`;
}
