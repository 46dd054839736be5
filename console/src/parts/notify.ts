/** The browser's own notifications: when somebody wants them, the browser allows them, and nobody looks at the page. */
import { useSyncExternalStore } from "react";

const KEY = "titan.notify";
const watchers = new Set<() => void>();

/** impossible: this browser, or this address, has no notifications. denied: the browser was told to allow none. */
export type Notifying = "on" | "off" | "denied" | "impossible";

export function notifying(): Notifying {
  if (!("Notification" in window) || !window.isSecureContext) return "impossible";
  if (Notification.permission === "denied") return "denied";
  return Notification.permission === "granted" && isWanted() ? "on" : "off";
}

/** Switches them on, for which the browser may ask, or off. */
export async function setNotifying(isOn: boolean): Promise<void> {
  if (isOn && Notification.permission === "default") await Notification.requestPermission();
  try {
    localStorage.setItem(KEY, isOn ? "on" : "off");
  } catch {
    // storage is switched off: it is forgotten with the page
  }
  for (const changed of watchers) changed();
}

export function notify(title: string, body: string): void {
  if (notifying() === "on" && document.hidden) new Notification(title, { body, tag: title });
}

export function useNotifying(): Notifying {
  return useSyncExternalStore(watch, notifying);
}

function watch(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

function isWanted(): boolean {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}
