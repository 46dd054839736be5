/** Mutations: report the result in a toast, and send one idempotency key for each change. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { toast, toastError } from "../components/Toasts";
import { ApiError } from "./apiError";

/**
 * Returns a change for buttons: `run(what)` performs it, `isPending` while it is under way, `error` is why the last one failed. `done` is what to say, or how
 * to say it of the answer. Where the page shows `error` in its own place, `isShown`, nothing else says it.
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

/** A key for a change. `crypto.randomUUID` exists only where the page came by https or from this machine; this does everywhere. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The keys of changes whose answers did not come: whoever asks for the same again asks under the same key. */
export class IdempotencyKeys {
  private readonly kept = new Map<string, string>(); // by what is asked, as JSON

  /** Performs `what` under its key, which is done with once the server answered, be it with a refusal. */
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
