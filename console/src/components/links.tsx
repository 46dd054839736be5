/** Names, and links to pages of this and other projects. */
import type { ReactNode } from "react";
import { Link } from "react-router";
import { pathIn } from "../api/project";
import { useShownProject } from "../api/session";

const FITS = 16; // characters that are never shortened
const TAIL = 8;

/**
 * A name on one line. Without enough room its middle is cut, because related names differ at their ends. The parent
 * needs a width.
 */
export function Name({ of: name, className }: { of: string; className?: string }) {
  const of = name.replace(/[\r\n\u2028\u2029]+/g, " "); // keep its spaces, but on one line
  const letters = of.length > FITS ? [...of] : [];
  if (letters.length <= FITS) return <bdi className={className}>{of}</bdi>;
  return (
    <bdi className={className ? `name ${className}` : "name"}>
      <span className="sr-only">{of}</span>
      <span className="name-head" aria-hidden="true">
        {letters.slice(0, -TAIL).join("")}
      </span>
      <span className="name-tail" aria-hidden="true">
        {letters.slice(-TAIL).join("")}
      </span>
    </bdi>
  );
}

interface Props {
  /** The project that the link leads to. */
  project: string;
  to: string;
  children: ReactNode;
  className?: string;
  title?: string;
  dir?: "auto";
  "aria-label"?: string;
}

/** A link to a page of this or another project: workers run jobs of all projects. */
export function ProjectLink({ project, to, ...rest }: Props) {
  return project === useShownProject() ? <Link to={to} {...rest} /> : <a href={pathIn(project, to)} {...rest} />;
}

/** A sentence from the server with its page paths as links. */
export function ServerText({ text }: { text: string }) {
  return (
    <>
      {textPieces(text).map((piece, at) =>
        piece.to === null ? (
          piece.text
        ) : (
          <Link key={at} to={piece.to}>
            <bdi>{piece.text}</bdi>
          </Link>
        ),
      )}
    </>
  );
}

export interface Piece {
  readonly text: string;
  /** The page; null for plain text. */
  readonly to: string | null;
}

// A path is a word of its own, up to a space or a colon; a full stop or comma after it belongs to the sentence.
const PAGE = /(?<=^|\s)\/(?:runs|registry|agents|dags|ledger|settings|help)(?:\/[^\s:]+?)?(?=[.,;]?(?:\s|$)|:)/g;

/** Returns a sentence split into text and page paths. */
export function textPieces(sentence: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of sentence.matchAll(PAGE)) {
    if (match.index > at) pieces.push({ text: sentence.slice(at, match.index), to: null });
    pieces.push({ text: match[0], to: match[0] });
    at = match.index + match[0].length;
  }
  if (at < sentence.length) pieces.push({ text: sentence.slice(at), to: null });
  return pieces;
}
