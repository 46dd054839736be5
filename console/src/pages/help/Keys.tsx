import { Fragment } from "react";
import { KEYS, type KeyLine, PAGE_KEYS } from "../../app/keys";
import { PLACES } from "../../app/places";

export function Keys() {
  return (
    <>
      <p>Keys rest while you type in a field, and while a dialog is open.</p>
      <h2>Everywhere</h2>
      <List of={KEYS} />
      <h2>To a page: g, then a letter</h2>
      <List of={PLACES.map((place) => [`g  ${place.letter}`, place.name] as const)} />
      {PAGE_KEYS.map(([where, lines]) => (
        <Fragment key={where}>
          <h2>{where}</h2>
          <List of={lines} />
        </Fragment>
      ))}
    </>
  );
}

function List({ of }: { of: readonly KeyLine[] }) {
  return (
    <dl className="help-keys">
      {of.map(([keys, what]) => (
        <div key={keys}>
          <dt>
            {keys.split(/\s{2,}/).map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}
