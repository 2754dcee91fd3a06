/** Whose transport a child has. */
export type TransferProvider = "sinch" | "phaxio" | "signalwire" | "humblefax";

/** What a child is told when it starts. */
export interface TransferPlan {
  provider: TransferProvider;
  /** Where the provider is. */
  baseUrl: string;
  /** A folder of the child's own. */
  folder: string;
  apiKey: string;
  /** What webhooks prove themselves with. */
  secret: string;
}

/** What a child is told later. Each order has one answer. */
export type TransferOrder = { type: "fetch"; providerId: string } | { type: "measure" } | { type: "report" };

/** How much more it was at its highest than at `measure`, in bytes. */
export interface TransferGrowth {
  /** What the process has of the system's memory. */
  rss: number;
  /** What its buffers hold. */
  arrayBuffers: number;
}

/** What a child says: `ready` first, then one answer to each order. */
export type TransferAnswer =
  | { type: "ready"; port: number }
  | { type: "done" }
  | { type: "failed"; reason: string }
  | { type: "growth"; growth: TransferGrowth };
