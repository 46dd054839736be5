/**
 * Toasts: short messages on success and errors, announced to screen readers. Successes disappear, errors stay until
 * dismissed.
 */
import { useEffect, useSyncExternalStore } from "react";
import { ApiError, Unreachable } from "../api/apiError";
import { useConnection } from "../api/query";

interface Toast {
  id: number;
  tone: "good" | "bad";
  text: string;
  detail?: string | undefined;
  /** Reports that the server is unreachable. */
  isOfSilence?: boolean;
}

const STAYS_MS = 4000;
let toasts: readonly Toast[] = [];
let lastId = 0;
const watchers = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const changed of watchers) changed();
}

/** Shows a toast; `bad` for bad news. */
export function toast(text: string, tone: Toast["tone"] = "good"): void {
  lastId += 1;
  const id = lastId;
  set([...toasts, { id, tone, text }]);
  window.setTimeout(() => set(toasts.filter((toast) => toast.id !== id)), STAYS_MS);
}

/** Shows an error as a toast, in the server's words where there are any. */
export function toastError(error: unknown): void {
  lastId += 1;
  const text = error instanceof Error ? error.message : String(error);
  const detail = error instanceof ApiError ? error.problem.next_step : undefined;
  set([...toasts.slice(-2), { id: lastId, tone: "bad", text, detail, isOfSilence: error instanceof Unreachable }]);
}

/** Removes toasts about an unreachable server once it responds, after the time it takes to read them. */
export function clearUnreachable(): void {
  const old = new Set(toasts.filter((toast) => toast.isOfSilence));
  if (old.size > 0) window.setTimeout(() => set(toasts.filter((toast) => !old.has(toast))), STAYS_MS);
}

export function shownToasts(): readonly Toast[] {
  return toasts;
}

function watch(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

export function Toasts() {
  const shown = useSyncExternalStore(watch, shownToasts);
  const isLive = useConnection() === "live";
  useEffect(() => {
    if (isLive) clearUnreachable();
  }, [isLive]);
  return (
    <div className="toasts" aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} className={`toast toast-${toast.tone}`} role={toast.tone === "bad" ? "alert" : undefined}>
          <span>
            {toast.text}
            {toast.detail && !toast.text.includes(toast.detail) ? <span className="soft"> {toast.detail}</span> : null}
          </span>
          <button
            type="button"
            className="toast-close"
            aria-label="Dismiss"
            onClick={() => set(toasts.filter((other) => other.id !== toast.id))}
          >
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
