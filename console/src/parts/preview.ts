/** What of a file or value can be shown, and how. */

const IMAGES = /\.(png|jpe?g|gif|webp)$/i;

/** Returns whether the server gives a file of this name for looking at, as an image. */
export function isImage(name: string): boolean {
  return IMAGES.test(name);
}

/** Returns bytes as text, or null when they are none: a NUL, or bytes that are not UTF-8 before the last, cut letter. */
export function readable(content: Uint8Array): string | null {
  if (content.includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content, { stream: true });
  } catch {
    return null;
  }
}

/**
 * Returns JSON laid out, or null when it is none, is a plain word or number, or holds numbers that a browser would round.
 */
export function laidOutJson(text: string): string | null {
  if (!/^\s*[[{]/.test(text)) return null;
  if (/\d{16}|\d[eE][+-]?\d/.test(text)) return null; // a number shown otherwise than it is stored would be a lie
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}
