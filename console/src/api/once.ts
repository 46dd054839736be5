/** Keys under which the server performs a change once, however often it is sent. */

/** A key for a change. `crypto.randomUUID` exists only where the page came by https or from this machine; this does everywhere. */
export function onceKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
