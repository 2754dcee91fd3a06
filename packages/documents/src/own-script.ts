/**
 * The built file of a thread or process of this package. Node cannot run the sources, so from there, where tests run,
 * it is the one in `dist`.
 *
 * @param name without its extension
 */
export function ownScript(name: string): URL {
  const folder = import.meta.url.endsWith(".ts") ? "../dist/" : "./";
  return new URL(`${folder}${name}.js`, import.meta.url);
}
