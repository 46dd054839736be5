/** Tables as GitHub has them: Markdown itself knows none. Of GitHub's extensions this one alone, for the others add little. */
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTable } from "micromark-extension-gfm-table";
import type {} from "remark-parse"; // tells the names of its extensions
import type { Processor } from "unified";

/** A plugin of remark: makes its parser know tables. */
export function markdownTables(this: Processor): void {
  const data = this.data();
  data.micromarkExtensions = [...(data.micromarkExtensions ?? []), gfmTable()];
  data.fromMarkdownExtensions = [...(data.fromMarkdownExtensions ?? []), gfmTableFromMarkdown()];
}
