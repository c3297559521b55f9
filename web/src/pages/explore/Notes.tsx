/** What an answer rests on, and what to do where there is none. */
import type { Coverage } from '../../api/types';
import { clock, plural } from '../../lib/format';
import { to } from '../../lib/route';
import { Empty } from '../../ui/Empty';
import { Link } from '../../ui/Link';
import { LogSetup, MetricSetup } from '../../ui/LogSetup';
import { Setup } from '../../ui/Setup';
import type { Question } from './ExplorePage';

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

const NAMES = { spans: 'span', logs: 'log record', metrics: 'point of a metric' };

export function Nothing({ question }: { question: Question }) {
  const { of, where } = question;
  const what = NAMES[of];
  if (where !== '') {
    return (
      <Empty title={`No ${what} is like that in this window`}>
        <p>
          Look <Link to={to('/explore', { of, where, last: '30d' })}>at the last 30 days</Link>, or{' '}
          <Link to={to('/explore', { of })}>ask without the filter</Link>.
        </p>
      </Empty>
    );
  }
  return (
    <Empty title={`No ${what} came in this window`}>
      <p>
        Look <Link to={to('/explore', { of, last: '30d' })}>at the last 30 days</Link>, or send
        some:
      </p>
      {of === 'logs' ? <LogSetup /> : of === 'metrics' ? <MetricSetup /> : <Setup />}
    </Empty>
  );
}
