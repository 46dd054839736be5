import ReactMarkdown, { type Components } from "react-markdown";
import { markdownTables } from "./markdownTables";

// What a job wrote may name pictures and pages elsewhere: nothing of them is asked for, and a link is followed by a click alone.
const PARTS: Components = {
  img: ({ alt, src }) => <span className="faint">[picture: {alt || String(src ?? "")}]</span>,
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  ),
  table: ({ children }) => (
    <div className="filepreview-wide" tabIndex={0} role="region" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
};
const PLUGINS = [markdownTables];

/** Markdown laid out, with tables as GitHub has them; HTML within it stays text. */
export function MarkdownText({ text }: { text: string }) {
  return (
    <div className="filepreview-markdown" dir="auto">
      <ReactMarkdown components={PARTS} remarkPlugins={PLUGINS}>
        {text}
      </ReactMarkdown>
    </div>
  );
}
