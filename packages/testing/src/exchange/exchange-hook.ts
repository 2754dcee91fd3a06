/** Where an exchange posts what happened, and the secret that it shows. */
export interface ExchangeHook {
  url: string;
  secret: string;
  /** How the secret is shown: as a bearer token (the default), or as it is in `X-Internal-Secret`. */
  header?: "Authorization" | "X-Internal-Secret";
}

/**
 * Posts to a hook, once, as a dialplan does.
 *
 * @returns the status that was answered; 0 when there was none
 */
export async function postToHook(
  hook: ExchangeHook,
  contentType: "application/x-www-form-urlencoded" | "application/json",
  body: string,
): Promise<number> {
  const proof = hook.header === "X-Internal-Secret" ? hook.secret : `Bearer ${hook.secret}`;
  try {
    const answer = await fetch(hook.url, {
      method: "POST",
      headers: { [hook.header ?? "Authorization"]: proof, "content-type": contentType },
      body,
      signal: AbortSignal.timeout(10_000),
    });
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return 0;
  }
}
