/** What an answer rests on. */
import type { Coverage } from '../api/types';
import { clock, plural } from '../lib/format';

export function CoverageNote({ coverage }: { coverage: Coverage }) {
  return (
    <>
      {plural(coverage.rows_read, 'row')} looked at.
      {coverage.reached != null && (
        <strong className="over">
          {' '}
          {coverage.reached === 'time'
            ? 'Ten seconds were not enough for all of them'
            : 'There are more than are looked at'}
          : the oldest are missing. Choose a shorter window.
        </strong>
      )}
      {coverage.held_since_unix_ms != null && (
        <> What was received before {clock(coverage.held_since_unix_ms)} is not held any more.</>
      )}
      {coverage.estimate === true && (
        <> They are a fair sample: these figures are estimates, right on average.</>
      )}
      {coverage.damaged.length > 0 && (
        <strong className="broken">
          {' '}
          {plural(coverage.damaged.length, 'file')} damaged, so that rows are missing:{' '}
          {coverage.damaged.join(', ')}.
        </strong>
      )}
      {coverage.elsewhere != null && (
        <strong className="broken">
          {' '}
          What is kept in ClickHouse is missing: {coverage.elsewhere}.
        </strong>
      )}
    </>
  );
}
