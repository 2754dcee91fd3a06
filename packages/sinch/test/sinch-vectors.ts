/**
 * Signature vectors of the Sinch Fax API: HTTP Basic as a webhook carries it (S1 to S3) and as the token request does
 * (S4). Computed in Node and derived again in Python.
 */
export const basicVectors = [
  {
    name: "S1",
    configuredUrl: "https://faxhook:Tr0ub4dor-3@hooks.example.com/sinch/fax",
    user: "faxhook",
    pass: "Tr0ub4dor-3",
    header: "Basic ZmF4aG9vazpUcjB1YjRkb3ItMw==",
  },
  {
    name: "S2, a colon in the password",
    configuredUrl: undefined,
    user: "svc_fax",
    pass: "a:b:c",
    header: "Basic c3ZjX2ZheDphOmI6Yw==",
  },
  {
    name: "S3, UTF-8",
    configuredUrl: undefined,
    user: "fäx",
    pass: "pässwörd",
    header: "Basic ZsOkeDpww6Rzc3fDtnJk",
  },
] as const;

/** What must be refused where S1 is expected. */
export const negativeVectors = [
  ["the password ends in 4", "Basic ZmF4aG9vazpUcjB1YjRkb3ItNA=="],
  ["no header", undefined],
  ["another scheme", "Bearer x"],
] as const;

export const tokenVector = {
  name: "S4",
  keyId: "11111111-2222-3333-4444-555555555555",
  keySecret: "kS~ecret.0_abc",
  header: "Basic MTExMTExMTEtMjIyMi0zMzMzLTQ0NDQtNTU1NTU1NTU1NTU1OmtTfmVjcmV0LjBfYWJj",
  body: "grant_type=client_credentials",
} as const;
