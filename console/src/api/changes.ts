/** What a person changes: each change says what was done or why not, and is performed once however often it is sent. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { complain, say } from "../parts/Toasts";
import { OnceKeys } from "./once";

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
  const [keys] = useState(() => new OnceKeys());
  const change = useMutation({
    mutationFn: (what: What) => keys.perform(what, (key) => perform(what, { "Idempotency-Key": key })),
    onSuccess: (answer, what) => {
      const text = typeof done === "string" ? done : done(answer, what);
      if (text) say(text);
      then?.(answer, what);
    },
    onError: (error) => (isShown ? undefined : complain(error)),
  });
  return { run: change.mutate, isPending: change.isPending, error: change.error };
}
