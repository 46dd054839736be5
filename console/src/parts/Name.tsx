import "./name.css";

const FITS = 16; // characters that are left whole
const TAIL = 8;

/**
 * A name somebody gave, on one line. Where there is no room for it its middle goes: names of one family begin alike, and
 * their ends tell them apart. Give it a parent with a width of its own.
 */
export function Name({ of: name, className }: { of: string; className?: string }) {
  const of = name.replace(/[\r\n\u2028\u2029]+/g, " "); // its spaces are kept, but on one line
  const letters = of.length > FITS ? [...of] : [];
  if (letters.length <= FITS) return <bdi className={className}>{of}</bdi>;
  return (
    <bdi className={className ? `name ${className}` : "name"}>
      <span className="unseen">{of}</span>
      <span className="name-head" aria-hidden="true">
        {letters.slice(0, -TAIL).join("")}
      </span>
      <span className="name-tail" aria-hidden="true">
        {letters.slice(-TAIL).join("")}
      </span>
    </bdi>
  );
}
