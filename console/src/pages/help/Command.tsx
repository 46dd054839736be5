import { CopyButton } from "../../components/Button";

/** A command or snippet to copy. */
export function Command({ children }: { children: string }) {
  return (
    <div className="help-command">
      {/* It scrolls when it is long, so the keyboard must reach it. */}
      <pre tabIndex={0} role="region" aria-label={`Command: ${children.split("\n", 1)[0]}`}>
        {children}
      </pre>
      <CopyButton text={children} />
    </div>
  );
}
