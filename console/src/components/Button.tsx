/** Buttons and code snippets to copy. */
import { type ButtonHTMLAttributes, type ReactNode, useState } from "react";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: "plain" | "main" | "danger" | "quiet";
  busy?: boolean;
  children: ReactNode;
}

/** A button. `busy` keeps its size and disables it. */
export function Button({ kind = "plain", busy = false, children, disabled, className, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      className={`button button-${kind} ${className ?? ""}`}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
    >
      {children}
    </button>
  );
}

/** Copies a text and confirms it in its label. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [feedback, setFeedback] = useState<string | null>(null);
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setFeedback("Copied");
    } catch {
      setFeedback("Copying not allowed"); // browsers allow it on https and localhost only
    }
    window.setTimeout(() => setFeedback(null), 1500);
  }
  return (
    <Button kind="quiet" onClick={() => void copy()} aria-live="polite">
      {feedback ?? label}
    </Button>
  );
}

/** A command or code snippet with a copy button. */
export function Snippet({ text }: { text: string }) {
  return (
    <div className="snippet">
      {/* A long line scrolls, so the keyboard must reach it. */}
      <pre tabIndex={0} role="region" aria-label={`Command: ${text.split("\n", 1)[0]}`}>
        {text}
      </pre>
      <CopyButton text={text} />
    </div>
  );
}
