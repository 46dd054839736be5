import "./field.css";

/** Says what of an address filters nothing: a list that only looks filtered would mislead. */
export function Misread({ of }: { of: readonly string[] }) {
  if (of.length === 0) return null;
  return (
    <p className="field-wrong" role="status">
      The address asks for {of.join(", ")}, which is nothing this list knows: it filters without that.
    </p>
  );
}
