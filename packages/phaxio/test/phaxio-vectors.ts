/**
 * Signature vectors of Phaxio's webhooks. P1 is the value that phaxio-ruby's own tests expect; all were computed in
 * Node and derived again in Python. `pdf` is the one file of P3 and P6.
 */
export const pdf = Buffer.from("JVBERi0xLjQKJSB0aW55IHRlc3QgYm9keQolJUVPRgo=", "base64");

/** One webhook with its signature. */
export interface PhaxioVector {
  name: string;
  token: string;
  url: string;
  fields: readonly (readonly [name: string, value: string])[];
  /** Part names of files, each with the content {@link pdf}. */
  files: readonly string[];
  stringToSign: string;
  signature: string;
}

const token = "callback-token-0123456789";
const url = "https://hooks.example.com/phaxio";
const fax1 =
  '{"id":900100,"direction":"sent","num_pages":2,"status":"success","is_test":true,"created_at":"2026-01-15T09:00:00.000-06:00","completed_at":"2026-01-15T09:01:30.000-06:00","cost":14,"tags":{"order_id":"77"},"recipients":[{"phone_number":"+15005550006","status":"success"}]}';
const fax2 =
  '{"id":900200,"direction":"received","num_pages":1,"status":"success","is_test":true,"from_number":"+15005550001","to_number":"+15005550002"}';

export const signatureVectors: readonly PhaxioVector[] = [
  {
    name: "P1 official ruby spec",
    token: "test-webhook-token",
    url: "example.com",
    fields: [["test", "true"]],
    files: [],
    stringToSign: "example.comtesttrue",
    signature: "64a735ef0c47a0ae671e381c046648f0966deb29",
  },
  {
    name: "P2 sent, no file",
    token,
    url,
    fields: [
      ["success", "true"],
      ["fax", fax1],
      ["is_test", "true"],
      ["direction", "sent"],
      ["event_type", "fax_completed"],
    ],
    files: [],
    stringToSign: `https://hooks.example.com/phaxiodirectionsentevent_typefax_completedfax${fax1}is_testtruesuccesstrue`,
    signature: "7584b9950cd41c38936a1ce69b9e207e583be2f6",
  },
  {
    name: 'P3 received, part "file"',
    token,
    url,
    fields: [
      ["fax", fax2],
      ["direction", "received"],
      ["is_test", "true"],
      ["success", "true"],
      ["event_type", "fax_completed"],
    ],
    files: ["file"],
    stringToSign: `https://hooks.example.com/phaxiodirectionreceivedevent_typefax_completedfax${fax2}is_testtruesuccesstruefile34407d23f8623016effad8bf462523971051587a`,
    signature: "4f4935438e43f37723a4e0ecbc0b1b451e646385",
  },
  {
    name: "P4 query string + trailing slash",
    token,
    url: "https://hooks.example.com/phaxio/?job=42&env=prod",
    fields: [
      ["event_type", "retry_scheduled"],
      ["fax", '{"id":900100}'],
      ["retry_count", "1"],
      ["recipient_phone_number", "+15005550006"],
    ],
    files: [],
    stringToSign:
      'https://hooks.example.com/phaxio/?job=42&env=prodevent_typeretry_scheduledfax{"id":900100}recipient_phone_number+15005550006retry_count1',
    signature: "4d7225cddf3eb0b4ada6e3c6b6538f01ed8a96aa",
  },
  {
    name: "P5 UTF-8 value",
    token,
    url,
    fields: [
      ["event_type", "fax_completed"],
      ["fax", '{"id":1,"caller_name":"Zoë Müller"}'],
    ],
    files: [],
    stringToSign:
      'https://hooks.example.com/phaxioevent_typefax_completedfax{"id":1,"caller_name":"Zoë Müller"}',
    signature: "b4e5708672f66820f3f9ae3d38345c63df708bd3",
  },
  {
    name: 'P6 v1 part name "filename"',
    token,
    url,
    fields: [
      ["fax", '{"id":1}'],
      ["direction", "received"],
      ["is_test", "false"],
      ["success", "true"],
    ],
    files: ["filename"],
    stringToSign:
      'https://hooks.example.com/phaxiodirectionreceivedfax{"id":1}is_testfalsesuccesstruefilename34407d23f8623016effad8bf462523971051587a',
    signature: "0c19f31f2bb59fdd4a17aa017a24a1405d462294",
  },
];

/** Signatures that must be refused for P2. */
export const negativeVectors = [
  ["N1 same as P2 but trailing slash added", "0f164f4c33c5635b8188107f683f7ceeb8f1d06a"],
  ["N2 P2 with API secret-style key", "047b6ec493bd09d8e2ff85175615dda55743f605"],
  [
    "N3 seed claim: HMAC-SHA256(raw body) - body = string P2 fields urlencoded",
    "49dd4248eb4ccd47e8091b029358de09b85cf3caf5551967b3a3d4a5dcc095f8",
  ],
  ["N4 P2 with re-serialised fax JSON (pretty)", "f5e3df4b3b3273ee724541a53092f723daa6f62b"],
] as const;

/** N3 is what a proxy in the mode `hmac-sha256-body` would say: HMAC-SHA256 with the API secret over the raw body. */
export const bodyVector = {
  apiSecret: "api-secret",
  contentType: "application/x-www-form-urlencoded",
  fields: signatureVectors[1]?.fields ?? [],
  signature: "49dd4248eb4ccd47e8091b029358de09b85cf3caf5551967b3a3d4a5dcc095f8",
} as const;
