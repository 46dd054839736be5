import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTable } from "micromark-extension-gfm-table";
import type { Components } from "react-markdown";
import ReactMarkdown from "react-markdown";
import type {} from "remark-parse"; // tells the names of its extensions
import type { Processor } from "unified";

// What a job wrote may name pictures and pages elsewhere: nothing of them is asked for, and a link is followed by a click alone.
const PARTS: Components = {
  img: ({ alt, src }) => <span className="faint">[image: {alt || String(src ?? "")}]</span>,
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

/** A plugin of remark: makes its parser know tables. */
function markdownTables(this: Processor): void {
  const data = this.data();
  data.micromarkExtensions = [...(data.micromarkExtensions ?? []), gfmTable()];
  data.fromMarkdownExtensions = [...(data.fromMarkdownExtensions ?? []), gfmTableFromMarkdown()];
}
