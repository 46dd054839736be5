/** Returns an amount that somebody typed as the server takes it; "" for none, null for what is no amount. */
export function asCost(typed: string): string | null {
  const text = typed
    .trim()
    .replace(/^\$\s*/, "")
    .replace(",", ".");
  if (text === "" || text === ".") return "";
  return /^(\d{1,12}(\.\d{0,12})?|\.\d{1,12})$/.test(text) ? text.replace(/^\./, "0.").replace(/\.$/, "") : null;
}

export function isCost(text: string): boolean {
  return asCost(text) !== null;
}
