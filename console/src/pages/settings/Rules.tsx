import type { Rule } from "../../api/house";
import { shownValue } from "./rules";

/** Settings that are numbers: what they say, their values, and the names they are set by. */
export function Rules({ rules, label }: { rules: readonly Rule[]; label: string }) {
  return (
    <div className="settings-scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="settings-table">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col" className="num">
              Now
            </th>
            <th scope="col">Setting</th>
          </tr>
        </thead>
        <tbody>
          {rules.map((rule) => (
            <tr key={rule.name}>
              <td>{rule.help}</td>
              <td className="num settings-value">{shownValue(rule)}</td>
              <td className="mono">{rule.name}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
