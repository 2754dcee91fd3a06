import { availableParallelism } from "node:os";
import { FaxError } from "@faxbot/core/transport";
import type {
  FaxPageStyle,
  RenderedFaxPage,
  RendererAnswer,
  RendererFailure,
  RendererRequest,
} from "./pdf-renderer-worker.ts";
import { WorkerPool } from "./worker-pool.ts";

/** What a document is rendered with. */
export interface RenderRequest {
  /** The PDF, already inspected. The buffer behind it is handed over: `bytes` is empty afterwards. */
  bytes: Uint8Array;
  style: FaxPageStyle;
  /** Width or height above which a page is refused, in points. */
  maxPagePoints: number;
  /** How long opening the document and rendering each page may take, in milliseconds. */
  pageDeadlineMs: number;
  signal?: AbortSignal;
}

const renderers = new WorkerPool<RendererRequest, RendererAnswer>({
  script: "pdf-renderer-worker",
  heapBytes: 256 << 20,
  size: Math.max(1, Math.min(4, availableParallelism())),
  idleMs: 30_000,
  usesPerThread: 50,
});
// PDFium's memory never shrinks, and what it leaks per document is not known to be nothing.
const spentMemoryBytes = 192 << 20;

/**
 * Renders a PDF page by page in a worker thread, of which there are as many as processors, four at most; more documents
 * wait. A page that takes too long, or a signal, ends the thread and with it the document.
 *
 * @param onPage called for each page in order
 * @returns after the last page
 * @throws FaxError `document_invalid`, `document_encrypted`, `document_too_large` (also past the deadline)
 */
export async function renderPdf(
  { bytes, style, maxPagePoints, pageDeadlineMs: deadlineMs, signal }: RenderRequest,
  expectedPages: number,
  onPage: (page: RenderedFaxPage) => void,
): Promise<void> {
  await renderers.use(async (renderer) => {
    const ask = async <Kind extends RendererAnswer["kind"]>(
      kind: Kind,
      request: RendererRequest,
      subject: string,
      transfer: readonly ArrayBufferLike[] = [],
    ): Promise<RendererAnswer & { kind: Kind }> => {
      const answer = await renderer.ask(request, { subject, deadlineMs, signal, transfer });
      if (isOfKind(answer, kind)) return answer;
      const reason = answer.kind === "failed" ? answer.reason : "crashed";
      if (reason === "crashed") renderer.retire();
      throw failure(reason, subject);
    };
    try {
      const open: RendererRequest = { kind: "open", bytes, style, maxPagePoints };
      const { pages } = await ask("opened", open, "the PDF", [bytes.buffer]);
      // To send fewer pages than the sender believes is worse than to refuse.
      if (pages !== expectedPages) throw new FaxError("document_invalid", "the PDF's pages cannot be told");
      for (let index = 0; index < pages; index += 1) {
        onPage((await ask("page", { kind: "page", index }, `page ${index + 1} of the PDF`)).page);
      }
    } finally {
      if (renderer.isUsable) {
        const closing = { subject: "the PDF", deadlineMs };
        const closed = await renderer.ask({ kind: "close" }, closing).catch(() => undefined);
        if (closed?.kind !== "closed" || closed.memoryBytes > spentMemoryBytes) renderer.retire();
      }
    }
  }, signal);
}

function isOfKind<Kind extends RendererAnswer["kind"]>(
  answer: RendererAnswer,
  kind: Kind,
): answer is RendererAnswer & { kind: Kind } {
  return answer.kind === kind;
}

function failure(reason: RendererFailure, subject: string): FaxError {
  switch (reason) {
    case "password":
      return new FaxError("document_encrypted", "the PDF needs a password");
    case "broken":
      return new FaxError("document_invalid", `${subject} is damaged`);
    case "page-too-large":
      return new FaxError("document_too_large", `${subject} is larger than a page may be`);
    case "page-too-long":
      return new FaxError(
        "document_too_large",
        `${subject} is longer than two sheets of A4, which a page size would change`,
      );
    case "crashed":
      return new FaxError("document_too_large", `${subject} needs more memory or work than it may`);
    default:
      return reason satisfies never;
  }
}
