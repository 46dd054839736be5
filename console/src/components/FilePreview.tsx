import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense } from "react";
import { columnCount, kindOf, laidOutJson, parseCsv, readable, readFirst } from "./files";
import { bytes, count } from "./format";
import { blobPath } from "./url";

const Markdown = lazy(async () => ({ default: (await import("./MarkdownText")).MarkdownText }));

interface Props {
  digest: string;
  path: string;
}

/** A preview of a stored file: text, JSON, Markdown, CSV or an image. */
export function FilePreview({ digest, path }: Props) {
  return (
    <div className="filepreview">
      <Body digest={digest} path={path} />
    </div>
  );
}

function Body({ digest, path }: Props) {
  const kind = kindOf(path);
  if (kind === "image") {
    return (
      <div className="filepreview-body">
        <img src={blobPath(digest, path, true)} alt={path} />
      </div>
    );
  }
  if (kind === "binary") return <Note>A {path.split(".").at(-1)?.toUpperCase()} file. Download it to view it.</Note>;
  return <Text digest={digest} path={path} />;
}

function Text({ digest, path }: Props) {
  const { data, error } = useQuery({
    queryKey: ["content", digest],
    staleTime: Number.POSITIVE_INFINITY, // a digest identifies its content
    queryFn: ({ signal }) => readFirst(digest, path, signal),
  });
  if (error) return <Note>{error.message}</Note>;
  if (!data) return <Note>Loading …</Note>;
  const text = readable(data.content);
  if (text === null) return <Note>Not a text file. Download it to view it.</Note>;
  if (text === "") return <Note>The file is empty.</Note>;
  const isWhole = data.content.length === data.sizeBytes;
  return (
    <>
      {isWhole ? null : (
        <Note>
          The first {bytes(data.content.length)} of {bytes(data.sizeBytes)}. Download it to see the rest.
        </Note>
      )}
      <div className="filepreview-body" tabIndex={0} role="region" aria-label={`Content of ${path}`}>
        <Shown path={path} text={text} isWhole={isWhole} />
      </div>
    </>
  );
}

function Shown({ path, text, isWhole }: { path: string; text: string; isWhole: boolean }) {
  const kind = kindOf(path);
  if (kind === "markdown" && isWhole) {
    return (
      <Suspense fallback={<Note>Loading …</Note>}>
        <Markdown text={text} />
      </Suspense>
    );
  }
  if (kind === "csv") return <CsvTable text={text} separator={path.toLowerCase().endsWith(".tsv") ? "\t" : ","} />;
  return (
    <pre className="filepreview-text" dir="auto">
      {(kind === "json" && isWhole && laidOutJson(text)) || text}
    </pre>
  );
}

const ROWS = 500;
const COLUMNS = 50;

function CsvTable({ text, separator }: { text: string; separator: string }) {
  const { rows, isCut } = parseCsv(text, ROWS + 1, separator);
  const [head = [], ...body] = rows;
  const columns = columnCount(rows);
  return (
    <>
      <table className="filepreview-table">
        <thead>
          <tr>
            {head.slice(0, COLUMNS).map((cell, index) => (
              <th key={index} scope="col" dir="auto">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.map((row, index) => (
            <tr key={index}>
              {row.slice(0, COLUMNS).map((cell, at) => (
                <td key={at} dir="auto" className={isNumber(cell) ? "num" : undefined}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {columns > COLUMNS ? (
        <Note>
          The first {COLUMNS} of {count(columns, "column")}. Download it to see the rest.
        </Note>
      ) : null}
      {isCut ? <Note>The first {count(ROWS, "row")}. Download it to see the rest.</Note> : null}
    </>
  );
}

function isNumber(cell: string): boolean {
  return cell !== "" && !Number.isNaN(Number(cell));
}

function Note({ children }: { children: ReactNode }) {
  return <p className="filepreview-note soft">{children}</p>;
}
