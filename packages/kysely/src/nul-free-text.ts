import {
  type KyselyPlugin,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type PrimitiveValueListNode,
  type QueryId,
  type QueryResult,
  type RootOperationNode,
  type UnknownRow,
  type ValueNode,
} from "kysely";

/**
 * PostgreSQL refuses text with a NUL character and then the whole transaction, so one odd word of a provider could
 * stop an event for ever. Such characters become U+FFFD, in what is stored and in what is looked for.
 */
export const nulFreeText: KyselyPlugin = {
  transformQuery: ({ node, queryId }: PluginTransformQueryArgs): RootOperationNode =>
    transformer.transformNode(node, queryId),
  transformResult: async ({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> => result,
};

class NulReplacer extends OperationNodeTransformer {
  protected override transformValue(node: ValueNode, queryId?: QueryId): ValueNode {
    const plain = super.transformValue(node, queryId);
    return typeof plain.value === "string" ? { ...plain, value: withoutNul(plain.value) } : plain;
  }

  protected override transformPrimitiveValueList(
    node: PrimitiveValueListNode,
    queryId?: QueryId,
  ): PrimitiveValueListNode {
    const plain = super.transformPrimitiveValueList(node, queryId);
    return {
      ...plain,
      values: plain.values.map((value) => (typeof value === "string" ? withoutNul(value) : value)),
    };
  }
}

const transformer = new NulReplacer();

function withoutNul(text: string): string {
  return text.includes("\0") ? text.replaceAll("\0", "\uFFFD") : text;
}
