/**
 * Signatures that were computed with node's crypto and agree with the vendor's validators (compatibility-api 3.2.0) and,
 * for forms, with twilio 6.2.0. A2 and C1 are the vendor's own.
 */
const key = "PSKtest_0123456789abcdef";

/** A form and what it is signed with. */
export interface FormVector {
  name: string;
  key: string;
  url: string;
  /** As it goes over the wire. */
  body: string;
  signature: string;
}

const statusFields = new URLSearchParams({
  AccountSid: "b3877c40-da60-4998-90ad-b792e98472ac",
  ApiVersion: "v1",
  ErrorCode: "",
  ErrorMessage: "",
  FaxSid: "b3877c40-da60-4998-90ad-b792e98472fa",
  FaxStatus: "delivered",
  From: "+13103383454",
  MediaSid: "b3877c40-da60-4998-90ad-b792e98472fe",
  MediaUrl: "https://files.signalwire.com/a/b/c.pdf",
  NumPages: "3",
  OriginalMediaUrl: "https://fax.example.com/media/8f14e45f?token=abc",
  RemoteStationId: "+13104456789",
  To: "+13104456789",
}).toString();
const statusUrl = "https://fax.example.com/webhooks/signalwire?job_id=8f14e45f";

export const formVectors: readonly FormVector[] = [
  {
    name: "B0, the vendor's example of old",
    key: "12345",
    url: "https://mycompany.com/myapp.php?foo=1&bar=2",
    body: "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212",
    signature: "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
  },
  {
    name: "B1, a status",
    key,
    url: statusUrl,
    body: statusFields,
    signature: "bsWxFZmOjQxHl4G1uWRSfzEg+ps=",
  },
  {
    name: "B1, signed with the port",
    key,
    url: statusUrl,
    body: statusFields,
    signature: "Kht29O3wCcD/Od7GlZpBzVU51Q8=",
  },
  {
    name: "B1, called with the port and signed without",
    key,
    url: statusUrl.replace(".com", ".com:443"),
    body: statusFields,
    signature: "bsWxFZmOjQxHl4G1uWRSfzEg+ps=",
  },
  {
    name: "B2, a received fax",
    key,
    url: "https://fax.example.com/webhooks/signalwire/inbound",
    body: "FaxSid=0d2bbd4c-1111-4222-8333-444455556666&AccountSid=b3877c40-da60-4998-90ad-b792e98472ac&From=%2B12025550101&To=%2B12025550199&RemoteStationId=ACME+CLINIC+%26+CO&FaxStatus=received&ApiVersion=v1&NumPages=2&MediaSid=11111111-2222-4333-8444-555566667777&MediaUrl=https%3A%2F%2Ffiles.signalwire.com%2Fs%2Fp%2Ff.pdf&Timestamp=2022-01-13T21%3A54%3A46Z",
    signature: "pAX7fCiUkx2uPbKx5cEoKCqtbb0=",
  },
  {
    name: "B3, a URL that a parser would rewrite",
    key,
    url: "https://fax.example.com/cb?name=O'Hara+X",
    body: "FaxSid=x",
    signature: "gI+F1IaW3UUvx4MRDXDq+vMG4ms=",
  },
];

/** A JSON body and what it is signed with. */
export interface JsonVector extends FormVector {
  /** In `X-Signalwire-SHA256-Signature`, where the vendor sends that. */
  sha256?: string;
}

export const jsonVectors: readonly JsonVector[] = [
  {
    name: "A1, SWML",
    key,
    url: "https://fax.example.com/webhooks/signalwire/swml",
    body: '{"event_type":"calling.call.fax","params":{"call_id":"abc-123","fax":{"type":"finished"}}}',
    signature: "d2a33f4fa73ce986554b4f79d5d010a644a06b2a",
    sha256: "b44cce51f287240f34470f3ef56c6b1eef63ce2db45657389f0bb6a48be47c25",
  },
  {
    name: "A2, the vendor's own",
    key: "PSKtest1234567890abcdef",
    url: "https://example.ngrok.io/webhook",
    body: '{"event":"call.state","params":{"call_id":"abc-123","state":"answered"}}',
    signature: "c3c08c1fefaf9ee198a100d5906765a6f394bf0f",
    sha256: "2a29f8a92b11df39da80c3b185fd62173d49c294184da585ff951eae4433571c",
  },
  {
    name: "C1, the vendor's own",
    key: "PSKtest1234567890abcdef",
    url: "https://example.ngrok.io/webhook?bodySHA256=69f3cbfc18e386ef8236cb7008cd5a54b7fed637a8cb3373b5a1591d7f0fd5f4",
    body: '{"event":"call.state"}',
    signature: "dfO9ek8mxyFtn2nMz24plPmPfIY=",
  },
  {
    name: "C2, a fax as JSON",
    key,
    url: "https://fax.example.com/hook?vendor=sw&bodySHA256=89bbd8272e71afe81a9e830b182ec17162e7c9df4a748b7018340b56265efbfd",
    body: '{"FaxSid":"0d2bbd4c-1111-4222-8333-444455556666","FaxStatus":"received"}',
    signature: "Zu6FtBdhB7lcxrQxDZ9CKnxhlDs=",
  },
];
