import { Link } from "react-router";
import { linkedPieces } from "./linkedPieces";

/** A sentence of the server's; the pages that it names are links. */
export function Linked({ text }: { text: string }) {
  return (
    <>
      {linkedPieces(text).map((piece, at) =>
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
