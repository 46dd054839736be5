import { Fragment } from "react";
import { KEYS, PAGE_KEYS } from "../../app/keys";
import { PLACES } from "../../app/places";
import { KeyList } from "../../parts/KeyList";

export function Keys() {
  return (
    <>
      <p>Keys rest while you type in a field, and while a dialog is open.</p>
      <h2>Everywhere</h2>
      <KeyList of={KEYS} />
      <h2>To a page: g, then a letter</h2>
      <KeyList of={PLACES.map((place) => [`g  ${place.letter}`, place.name] as const)} />
      {PAGE_KEYS.map(([where, lines]) => (
        <Fragment key={where}>
          <h2>{where}</h2>
          <KeyList of={lines} />
        </Fragment>
      ))}
    </>
  );
}
