import { useState } from "react";
import { Button } from "./Button";

/** Copies a text; says so on itself. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [said, setSaid] = useState<string | null>(null);
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      setSaid("Not allowed"); // the browser lets pages copy over https and on localhost only
    }
    window.setTimeout(() => setSaid(null), 1500);
  }
  return (
    <Button kind="quiet" onClick={() => void copy()} aria-live="polite">
      {said ?? label}
    </Button>
  );
}
