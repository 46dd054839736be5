import type { ButtonHTMLAttributes, ReactNode } from "react";
import "./button.css";

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
