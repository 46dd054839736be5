/** Buttons and code snippets to copy. */
import { type ButtonHTMLAttributes, type ReactNode, useState } from "react";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: "plain" | "main" | "danger" | "quiet";
  busy?: boolean;
  children: ReactNode;
}

/** A button; `busy` keeps its size and takes no second click. */
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

/** Copies a text; says so on itself. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [shownToasts, setSaid] = useState<string | null>(null);
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      setSaid("Copying not allowed"); // the browser lets pages copy over https and on localhost only
    }
    window.setTimeout(() => setSaid(null), 1500);
  }
  return (
    <Button kind="quiet" onClick={() => void copy()} aria-live="polite">
      {shownToasts ?? label}
    </Button>
  );
}

/** A command or a few lines of code, with a button that copies them. */
export function Snippet({ text }: { text: string }) {
  return (
    <div className="snippet">
      <pre>{text}</pre>
      <CopyButton text={text} />
    </div>
  );
}
