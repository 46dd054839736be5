import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { MarkdownText } from "./MarkdownText";

function shown(...lines: string[]): string {
  return renderToStaticMarkup(createElement(MarkdownText, { text: lines.join("\n") }));
}

describe("Markdown", () => {
  it("lays out a table: its head, its cells, and how a column is aligned", () => {
    const html = shown("| name | score |", "|:-----|------:|", "| **a** | 1 |", "| `x \\| y` | 2 |");

    expect(html).toContain('<th style="text-align:left">name</th><th style="text-align:right">score</th>');
    expect(html).toContain('<td style="text-align:left"><strong>a</strong></td><td style="text-align:right">1</td>');
    expect(html).toContain("<code>x | y</code>");
  });

  it("leaves lines with bars alone where no row of dashes follows", () => {
    expect(shown("| a | b |", "| 1 | 2 |")).not.toContain("<table");
  });

  it("keeps HTML in a cell text, and takes no address that runs a script", () => {
    const html = shown("| a |", "|---|", "| <img src=x onerror=alert(1)> [l](javascript:alert(1)) |");

    expect(html).not.toContain("<img");
    expect(html).toContain("&lt;img src=x onerror=alert(1)&gt;");
    expect(html).not.toContain("javascript:");
  });
});
