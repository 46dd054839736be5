import { PAGE_ROWS, pageCount } from "../../api/ledger";
import { Button } from "../../parts/Button";

const NUMBER = new Intl.NumberFormat("en-US");

interface Props {
  page: number;
  total: number;
  /** How many there are, in words. */
  told: string;
  isCapped: boolean;
  onTurn: (page: number) => void;
}

/** Which page this is of how many, and the way to those beside it. */
export function Pager({ page, total, told, isCapped, onTurn }: Props) {
  const last = isCapped ? pageCount(Number.POSITIVE_INFINITY) : pageCount(total);
  const first = (page - 1) * PAGE_ROWS + 1;
  return (
    <nav className="ledger-pager" aria-label="Pages of the ledger">
      <span className="soft" aria-live="polite">
        {NUMBER.format(first)}–{NUMBER.format(isCapped ? page * PAGE_ROWS : Math.min(page * PAGE_ROWS, total))} of{" "}
        {told}
      </span>
      <Button disabled={page <= 1} onClick={() => onTurn(1)}>
        First
      </Button>
      <Button disabled={page <= 1} onClick={() => onTurn(page - 1)}>
        Back
      </Button>
      <Button disabled={page >= last} onClick={() => onTurn(page + 1)}>
        Next
      </Button>
    </nav>
  );
}
