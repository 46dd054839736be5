import { Link, useLocation } from "react-router";
import { Dialog } from "../parts/Dialog";
import { KeyList } from "../parts/KeyList";
import { KEYS, PAGE_KEYS } from "./keys";
import { PLACES } from "./places";

/** The keys of the page that is open, and those that work on every page. */
export function KeysHelp({ onClose }: { onClose: () => void }) {
  const { pathname } = useLocation();
  const own = PAGE_KEYS.filter(([, , path]) => path?.test(pathname));
  return (
    <Dialog title="Keys" onClose={onClose} wide>
      {own.map(([where, lines]) => (
        <section key={where}>
          <h3>{where}</h3>
          <KeyList of={lines} />
        </section>
      ))}
      {own.length > 0 ? <h3>On every page</h3> : null}
      <KeyList of={[...KEYS, ...PLACES.map((place) => [`g  ${place.letter}`, place.name] as const)]} />
      <p className="soft">
        Some pages have keys of their own:{" "}
        <Link to="/help/keys" onClick={onClose}>
          all keys
        </Link>
        .
      </p>
    </Dialog>
  );
}
