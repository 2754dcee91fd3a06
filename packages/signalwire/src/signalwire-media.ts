import {
  basicAuthorization,
  type FaxDocument,
  type HttpClient,
  httpClient,
  type MediaFetchOptions,
  mediaFetch,
  onlyPdf,
  type TransportCall,
} from "@faxbot/core/transport";
import { signalwireManifest } from "./signalwire-manifest.ts";
import { type SignalWireSettings, spaceOrigin } from "./signalwire-settings.ts";

/** The largest document to take, in bytes. */
const largestDocument = 100 * 1024 * 1024;
const pdf = { mediaType: "application/pdf", fileName: "fax.pdf", maxBytes: largestDocument };

/** Downloads a fax's document by the `media_url` that the API gave. @throws FaxError as `mediaFetch` */
export type SignalWireMedia = (url: string, call: TransportCall) => Promise<FaxDocument>;

/**
 * Makes the download of documents. They lie on `files.signalwire.com` or another host of SignalWire's, at a URL that is
 * public but cannot be guessed, unless the project protects its media. Then the credentials of the API are wanted, by
 * the documents as Basic; clients of the field found that the files' host takes the token as Bearer. So it is asked
 * without, then with Basic, then with Bearer.
 *
 * @param network for tests: another resolver and another way to connect
 */
export function signalwireMedia(
  settings: Pick<SignalWireSettings, "spaceUrl" | "projectId" | "apiToken">,
  network: Pick<MediaFetchOptions, "resolve" | "connect"> = {},
): SignalWireMedia {
  const { projectId: user, apiToken: pass } = settings;
  const basic = basicAuthorization({ user, pass });
  const origin = spaceOrigin(settings);
  const space: HttpClient = httpClient({
    manifest: signalwireManifest,
    baseUrl: origin,
    credentials: { authorization: () => basic },
  });
  return async (address, call) => {
    // Older documents show paths where newer ones show URLs.
    const url = URL.parse(address, origin);
    const document =
      url?.origin === origin
        ? await space.document({ method: "GET", path: `${url.pathname}${url.search}` }, pdf, call)
        : await mediaFetch(
            address,
            {
              ...pdf,
              ...network,
              transportId: signalwireManifest.id,
              hosts: [".signalwire.com"],
              authorizations: [basic, `Bearer ${pass}`],
            },
            call,
          );
    return onlyPdf(signalwireManifest.id, document);
  };
}
