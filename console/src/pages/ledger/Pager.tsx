import { placeOf } from "../../api/ledgerPages";
import { Button } from "../../parts/Button";
import { count, countedUpTo } from "../../parts/format";

const NUMBER = new Intl.NumberFormat("en-US");

interface Props {
  page: number;
  /** How many stand on it. */
  rows: number;
  total: number;
  /** Whether there are more than `total`. */
  isCapped: boolean;
  /** Whether the search looked no further. */
  isSearchCapped: boolean;
  onTurn: (page: number) => void;
}

/** Which page this is of how many, the way to those beside it, and to what lies behind the last. */
export function Pager({ page, rows, total, isCapped, isSearchCapped, onTurn }: Props) {
  const place = placeOf(page, rows, total, isCapped && !isSearchCapped); // pages end where the search did
  return (
    <nav className="ledger-pager" aria-label="Pages of the ledger">
      <span className="soft" aria-live="polite">
        {NUMBER.format(place.first)}–{NUMBER.format(place.last)} of {count(place.total, "action")}
        {countedUpTo(place.isCapped, isSearchCapped)}
        {place.endsEarly
          ? ". Pages end here: a filter, such as From and To, or the other order leads to the rest."
          : ""}
      </span>
      <Button disabled={page <= 1} onClick={() => onTurn(1)}>
        First
      </Button>
      <Button disabled={page <= 1} onClick={() => onTurn(page - 1)}>
        Back
      </Button>
      <Button disabled={!place.hasNext} onClick={() => onTurn(page + 1)}>
        Next
      </Button>
    </nav>
  );
}
