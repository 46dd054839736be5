import { Link, useLocation } from "react-router";
import { Dialog } from "../parts/Dialog";
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
          <dl className="keys">
            {lines.map(([keys, what]) => (
              <Line key={keys} keys={keys} what={what} />
            ))}
          </dl>
        </section>
      ))}
      {own.length > 0 ? <h3>On every page</h3> : null}
      <dl className="keys">
        {KEYS.map(([keys, what]) => (
          <Line key={keys} keys={keys} what={what} />
        ))}
        {PLACES.map((place) => (
          <Line key={place.path} keys={`g  ${place.letter}`} what={place.name} />
        ))}
      </dl>
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

function Line({ keys, what }: { keys: string; what: string }) {
  return (
    <div>
      <dt>
        {keys.split(/\s{2,}/).map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{what}</dd>
    </div>
  );
}
