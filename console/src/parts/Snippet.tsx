import { CopyButton } from "./CopyButton";
import "./snippet.css";

/** A command or a few lines of code, with a button that copies them. */
export function Snippet({ text }: { text: string }) {
  return (
    <div className="snippet">
      <pre>{text}</pre>
      <CopyButton text={text} />
    </div>
  );
}
