// @ts-check
// The hash of the page's address, "#view/argument?q=filter&kernel=label": how it is written and read. No element of the page
// belongs here.

/** @typedef {{view: string, argument: string, query: string, kernel: string}} Route */

/**
 * The argument stays readable where it can.
 * @param {string} view @param {string} argument @param {Record<string, string>} options
 */
export function address(view, argument = "", options = {}) {
  const plain = encodeURIComponent(argument).replace(/%2F/g, "/").replace(/%40/g, "@").replace(/%3A/g, ":");
  const asked = new URLSearchParams(Object.entries(options).filter(([, value]) => value)).toString();
  return `#${view}${argument ? `/${plain}` : ""}${asked ? `?${asked.replace(/%3A/g, ":").replace(/%2C/g, ",")}` : ""}`;
}

/**
 * What a hash names; it may be anything that somebody has typed.
 * @param {string} hash @returns {Route}
 */
export function routeOf(hash) {
  const [path, asked = ""] = hash.slice(1).split(/\?(.*)/s);
  const [name, ...rest] = path.split("/");
  const options = new URLSearchParams(asked);
  return {
    view: name || "overview",
    argument: decoded(rest.join("/")),
    query: options.get("q") ?? "",
    kernel: options.get("kernel") ?? "",
  };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A percent sign that encodes nothing.
  }
}
