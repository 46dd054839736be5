/** What of a file or value can be shown, and how. */
import { indented } from "./jsonText";

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

/** Returns JSON laid out, with its numbers and keys as they are stored; null when it is none, or a plain word or number. */
export function laidOutJson(text: string): string | null {
  return /^\s*[[{]/.test(text) ? indented(text) : null;
}
