/** Mutations: report the result in a toast, and send one idempotency key for each change. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { toast, toastError } from "../components/Toasts";
import { ApiError } from "./apiError";

/**
 * Returns a mutation for buttons. `run(what)` performs it, `isPending` says whether it runs, `error` is its last
 * failure. `done` is the toast on success, or a function of the answer. With `isShown` the page shows `error` itself,
 * so no toast does.
 */
export function useChange<What, Answer>(
  perform: (what: What, headers: { "Idempotency-Key": string }) => Promise<Answer>,
  done: string | ((answer: Answer, what: What) => string | null),
  then?: (answer: Answer, what: What) => void,
  { isShown = false }: { isShown?: boolean } = {},
) {
  const [keys] = useState(() => new IdempotencyKeys());
  const change = useMutation({
    mutationFn: (what: What) => keys.perform(what, (key) => perform(what, { "Idempotency-Key": key })),
    onSuccess: (answer, what) => {
      const text = typeof done === "string" ? done : done(answer, what);
      if (text) toast(text);
      then?.(answer, what);
    },
    onError: (error) => (isShown ? undefined : toastError(error)),
  });
  return { run: change.mutate, isPending: change.isPending, error: change.error };
}

/** Returns a random key. `crypto.randomUUID` exists only on https and localhost; this works everywhere. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Idempotency keys of changes without an answer: the same change sent again uses the same key. */
export class IdempotencyKeys {
  private readonly kept = new Map<string, string>(); // by the request, as JSON

  /** Performs `what` under its key. The key is dropped once the server answers, also with an error. */
  async perform<What, Answer>(what: What, perform: (key: string) => Promise<Answer>): Promise<Answer> {
    const asked = JSON.stringify(what) ?? "";
    const key = this.kept.get(asked) ?? newIdempotencyKey();
    this.kept.set(asked, key);
    try {
      const answer = await perform(key);
      this.kept.delete(asked);
      return answer;
    } catch (error) {
      if (error instanceof ApiError) this.kept.delete(asked);
      throw error;
    }
  }
}
