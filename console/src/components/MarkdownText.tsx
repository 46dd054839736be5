import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTable } from "micromark-extension-gfm-table";
import type { Components } from "react-markdown";
import ReactMarkdown from "react-markdown";
import type {} from "remark-parse"; // declares the names of the extensions
import type { Processor } from "unified";

// A job's Markdown may reference other sites: load no images, and open links only on a click.
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

/** Rendered Markdown with GitHub's tables; HTML in it stays text. */
export function MarkdownText({ text }: { text: string }) {
  return (
    <div className="filepreview-markdown" dir="auto">
      <ReactMarkdown components={PARTS} remarkPlugins={PLUGINS}>
        {text}
      </ReactMarkdown>
    </div>
  );
}

/** A remark plugin that adds tables to the parser. */
function markdownTables(this: Processor): void {
  const data = this.data();
  data.micromarkExtensions = [...(data.micromarkExtensions ?? []), gfmTable()];
  data.fromMarkdownExtensions = [...(data.fromMarkdownExtensions ?? []), gfmTableFromMarkdown()];
}
