/** What to do where there is no answer. */
import { to } from '../../lib/route';
import { Empty } from '../../ui/Empty';
import { Link } from '../../ui/Link';
import { LogSetup, MetricSetup } from '../../ui/LogSetup';
import { Setup } from '../../ui/Setup';
import type { Question } from './ExplorePage';

const NAMES = { spans: 'span', logs: 'log record', metrics: 'point of a metric' };

export function Nothing({ question }: { question: Question }) {
  const { of, where } = question;
  const what = NAMES[of];
  if (where !== '') {
    return (
      <Empty part title={`No ${what} is like that in this window`}>
        <p>
          Look <Link to={to('/explore', { of, where, last: '30d' })}>at the last 30 days</Link>, or{' '}
          <Link to={to('/explore', { of })}>ask without the filter</Link>.
        </p>
      </Empty>
    );
  }
  return (
    <Empty part title={`No ${what} came in this window`}>
      <p>
        Look <Link to={to('/explore', { of, last: '30d' })}>at the last 30 days</Link>, or send
        some:
      </p>
      {of === 'logs' ? <LogSetup /> : of === 'metrics' ? <MetricSetup /> : <Setup />}
    </Empty>
  );
}
