import { lenientText, lenientTime, lenientWholeNumber } from "@faxbot/core/transport";
import { z } from "zod";

/**
 * The wire shapes of the HumbleFax API, as far as they are read. Sources: the vendor's page (api.humblefax.com) and
 * independent clients built from it, which saw integers as texts, single values as lists and keys missing. Everything
 * but ids is read tolerantly.
 */
/** Integers today, with dots for drafts; nothing that could leave a path or fill a log. */
const faxId = z
  .union([z.string(), z.number().transform(String)])
  .pipe(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/));

const recipient = z
  .looseObject({
    toNumber: lenientText,
    status: lenientText,
    attempts: z.array(z.unknown()).optional().catch(undefined),
  })
  .optional()
  .catch(undefined);

/** One sent fax. Loose, because clients disagree where in it `failureReason` stands. */
export const humblefaxSentFax = z.looseObject({
  id: faxId,
  status: lenientText,
  uuid: lenientText,
  numPages: lenientWholeNumber,
  recipients: z.array(recipient).optional().catch(undefined),
});

/** See {@link humblefaxSentFax}. */
export type HumbleFaxSentFax = z.output<typeof humblefaxSentFax>;

/** One received fax. */
export const humblefaxIncomingFax = z.object({
  id: faxId,
  status: lenientText,
  time: lenientTime,
  toNumber: lenientText,
  fromNumber: lenientText,
  numPages: lenientWholeNumber,
});

/** See {@link humblefaxIncomingFax}. */
export type HumbleFaxIncomingFax = z.output<typeof humblefaxIncomingFax>;

/** Every answer has one envelope; `result: "failure"` is an error whatever the status says. */
function reply<S extends z.ZodType>(data: S) {
  return z
    .object({ result: lenientText, data: z.unknown() })
    .refine(({ result }) => result?.toLowerCase() !== "failure")
    .transform((envelope): unknown => envelope.data)
    .pipe(data);
}

/** `POST /quickSendFax` and `POST /tmpFax/{id}/send`; clients saw the fax as `fax` and as `sentFax`. */
export const humblefaxSendReply = reply(
  z.union([
    z.object({ sentFax: humblefaxSentFax }).transform(({ sentFax }) => sentFax),
    z.object({ fax: humblefaxSentFax }).transform(({ fax }) => fax),
  ]),
);

/** `POST /tmpFax`. */
export const humblefaxDraftReply = reply(
  z.object({ tmpFax: z.object({ id: faxId }) }).transform(({ tmpFax }) => tmpFax.id),
);

/** `POST /attachment/{id}`: what it says beyond its result is not needed. */
export const humblefaxUploadReply = reply(z.unknown());

/** `GET /sentFax/{id}`. */
export const humblefaxSentFaxReply = reply(
  z.object({ sentFax: humblefaxSentFax }).transform(({ sentFax }) => sentFax),
);

const idList = z
  .array(faxId.optional().catch(undefined))
  .default([])
  .transform((ids) => ids.filter((id) => id !== undefined));

/** `GET /sentFaxes`: ids alone. */
export const humblefaxSentFaxIds = reply(
  z.object({ sentFaxIds: idList }).transform(({ sentFaxIds }) => sentFaxIds),
);

/** `GET /incomingFax/{id}`. */
export const humblefaxIncomingFaxReply = reply(
  z.object({ incomingFax: humblefaxIncomingFax }).transform(({ incomingFax }) => incomingFax),
);

/** `GET /incomingFaxes`: ids, and the faxes themselves in some accounts' answers. */
export const humblefaxIncomingFaxes = reply(
  z.object({
    incomingFaxIds: idList,
    incomingFaxes: z.array(humblefaxIncomingFax.optional().catch(undefined)).default([]).catch([]),
  }),
);

/** `POST /webhook`. */
export const humblefaxWebhookReply = reply(z.unknown());

/** `GET /webhooks`; the shape of one is not documented, so it is only searched for a URL. */
export const humblefaxWebhooks = reply(
  z.object({ webhooks: z.array(z.unknown()).default([]) }).transform(({ webhooks }) => webhooks),
);

/** A webhook's body. The inner key is capitalised; one client reads the fax straight from `data`. */
export const humblefaxWebhook = z.object({
  type: lenientText,
  data: z.looseObject({}).transform((data) => {
    const inner = data.IncomingFax ?? data.incomingFax ?? data.SentFax ?? data.sentFax ?? data;
    return z.object({ id: faxId }).optional().catch(undefined).parse(inner)?.id;
  }),
});
