import { Link } from "react-router";
import type { ErrorTypeView } from "../../api/recorded";
import { useNow } from "../../parts/clock";
import { Time } from "../../parts/Time";
import { runPath } from "../../parts/url";

const NEW_MS = 7 * 24 * 60 * 60 * 1000;
const NUMBER = new Intl.NumberFormat("en-US");

/** The kinds of errors an agent's calls have had, with when each came up first. */
export function Errors({ of }: { of: readonly ErrorTypeView[] }) {
  const now = useNow();
  return (
    <section className="stack" aria-labelledby="errors">
      <h2 id="errors">Types of errors</h2>
      {of.length === 0 ? <p className="soft">None of its actions has failed.</p> : null}
      {of.length > 0 ? (
        <div className="card registry-errors">
          <table>
            <thead>
              <tr>
                <th scope="col">Type</th>
                <th scope="col" className="num">
                  Count
                </th>
                <th scope="col">First seen</th>
                <th scope="col">Last seen</th>
                <th scope="col">
                  <span className="unseen">Example</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {of.map((error) => (
                <tr key={error.type}>
                  <td className="registry-error">
                    <bdi>{error.type}</bdi>
                    {now - Date.parse(error.first_seen_at) < NEW_MS ? (
                      <span className="registry-new" title="First seen within the last 7 days">
                        new
                      </span>
                    ) : null}
                  </td>
                  <td className="num">{NUMBER.format(error.count)}</td>
                  <td>
                    <Time at={error.first_seen_at} />
                  </td>
                  <td>
                    <Time at={error.last_seen_at} />
                  </td>
                  <td>
                    <Link
                      to={runPath(error.example_run_id, error.example_action_id)}
                      aria-label={`Show one: ${error.type}`}
                    >
                      Show one
                    </Link>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}
