/** Nothing in this window: look further back, or send something. */
import { to } from '../lib/route';
import { Link } from './Link';
import { Setup } from './Setup';

export function Quiet({ filtered, what }: { filtered: boolean; what: string }) {
  const here = location.pathname;
  return (
    <div className="nothing">
      {filtered ? (
        <p>
          No {what} is like that in this window. <Link to={to(here)}>Show all of them</Link>, or
          look <Link to={to(here, { last: '30d' })}>at the last 30 days</Link>.
        </p>
      ) : (
        <>
          <p>
            No {what} came in this window. Look{' '}
            <Link to={to(here, { last: '30d' })}>at the last 30 days</Link>, or send some:
          </p>
          <Setup />
        </>
      )}
    </div>
  );
}
