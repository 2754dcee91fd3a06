/** A call that was asked for. */
export interface EslDial {
  variables: Record<string, string>;
  gateway: string;
  /** Digits. */
  to: string;
  /** What the application is given: the path of the file. */
  argument: string;
  application: string;
}

/** Why a call was not even tried, as the API answers it. */
export interface EslRefusal {
  refusal: string;
}

const usage =
  "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>] [<timeout_sec>]\n";

/**
 * Reads the arguments of `originate` as FreeSWITCH does: variables in braces up to the first closing one, cut at commas
 * even inside quotes unless a backslash stands before; quotes are eaten; `${…}` is expanded, here to nothing.
 *
 * @param expanded called with what stood in `${…}`: with a real server it would have been run
 */
export function readOriginate(text: string, expanded: (expression: string) => void): EslDial | EslRefusal {
  const expand = (value: string): string =>
    value.replace(/\$\{([^}]*)\}?/g, (_whole, inner: string) => {
      expanded(inner);
      return "";
    });
  let rest = text.trim();
  const variables: Record<string, string> = {};
  if (rest.startsWith("{")) {
    const end = closingBrace(rest);
    if (end < 0) return { refusal: usage };
    for (const part of cutVariables(expand(rest.slice(1, end)))) {
      const equals = part.indexOf("=");
      if (equals > 0) variables[part.slice(0, equals).trim()] = unquote(part.slice(equals + 1));
    }
    rest = rest.slice(end + 1);
  }
  const [url = "", ...target] = rest.split(" ");
  const application = /^&([a-z_]+)\((.*)\)$/is.exec(target.join(" ").trim());
  if (url === "" || !application) return { refusal: usage };
  const parts = url.split("/");
  if (parts[0] !== "sofia") return { refusal: "-ERR CHAN_NOT_IMPLEMENTED\n" };
  if (parts[1] !== "gateway" || parts.length !== 4) return { refusal: "-ERR INVALID_URL\n" };
  return {
    variables,
    gateway: parts[2] ?? "",
    to: parts[3] ?? "",
    application: application[1] ?? "",
    argument: expand(application[2] ?? ""),
  };
}

/** The first closing brace that does not belong to `${…}`. */
function closingBrace(text: string): number {
  let inExpression = false;
  for (let at = 1; at < text.length; at += 1) {
    if (text.startsWith("${", at)) inExpression = true;
    else if (text[at] === "}" && inExpression) inExpression = false;
    else if (text[at] === "}") return at;
  }
  return -1;
}

function cutVariables(text: string): string[] {
  const parts: string[] = [""];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (character === "\\" && at + 1 < text.length) {
      const next = text[at + 1] ?? "";
      // Only the quote and the comma are escaped; the quote is kept apart from those that are eaten.
      parts.push(`${parts.pop() ?? ""}${next === "'" ? "\u0000" : next === "," ? "," : `\\${next}`}`);
      at += 1;
    } else if (character === ",") parts.push("");
    else parts.push((parts.pop() ?? "") + character);
  }
  return parts;
}

function unquote(value: string): string {
  return value.trim().replaceAll("'", "").replaceAll("\u0000", "'");
}
