/** What a field sent to its owner comes back to it as its value, a moment later: by then newer letters may stand there. */

/** Returns whether `value` is an echo of what was sent; forgets that, and what was sent before it, or all if it is none. */
export function isEcho(sent: string[], value: string): boolean {
  const at = sent.indexOf(value);
  sent.splice(0, at < 0 ? sent.length : at + 1);
  return at >= 0;
}
