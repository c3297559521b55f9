/** The first page: how each service is doing, what to fix first and what it costs, what is otherwise than yesterday. */
import { path, useApi } from '../../api/use';
import type { Findings, Overview, Saturation } from '../../api/types';
import { hoursText, plural, stretch } from '../../lib/format';
import { to } from '../../lib/route';
import { useRange } from '../../lib/time';
import { Empty, Fresh, NotTold, Problem, Waiting } from '../../ui/Empty';
import { Link } from '../../ui/Link';
import { MarkList } from '../../ui/Marks';
import { Setup } from '../../ui/Setup';
import { FindingTable } from '../../ui/FindingTable';
import { Changes } from './Changes';
import { claim } from './claim';
import { Fullest } from './Fullest';
import { Services } from './Services';

/** Findings on the first page: what a team takes on next. */
const FINDINGS_SHOWN = 5;

export function OverviewPage() {
  const range = useRange();
  const { data, problem, stale } = useApi<Overview>(path('overview', { ...range }));
  const { data: findings, problem: unread } = useApi<Findings>(path('findings'));
  // Asked for beside the others, which do not wait for it.
  const saturation = useApi<Saturation>(path('saturation', { ...range }));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.services.length === 0) {
    const asked = findings === undefined && unread === undefined;
    return asked ? <Waiting /> : <Nothing findings={findings} />;
  }
  return (
    <Fresh stale={stale}>
      <div className="claim">
        <h1>{claim(data.services, findings?.totals.user_hours_per_day ?? 0)}</h1>
        <p>
          <Beside data={data} findings={findings} saturation={saturation.data} />
        </p>
      </div>
      <section>
        <h2>Services</h2>
        <Services data={data} saturation={saturation.data?.services} />
        <NotTold what="How full they are is not known" problem={saturation.problem} />
      </section>
      {unread !== undefined && (
        <section>
          <h2>What to fix first</h2>
          <NotTold what="The findings are not known" problem={unread} />
        </section>
      )}
      {findings !== undefined && findings.findings.length > 0 && (
        <section>
          <h2>
            What to fix first <Link to={to('/findings')}>all {findings.findings.length}</Link>
          </h2>
          <FindingTable
            findings={findings.findings.slice(0, FINDINGS_SHOWN)}
            progress={findings.progress}
          />
        </section>
      )}
      <section>
        <h2>
          What changed{' '}
          <span className="dim">
            against {stretch(data.before.from_unix_ms, data.before.to_unix_ms)}
          </span>
        </h2>
        <Changes data={data} findings={findings} listed={FINDINGS_SHOWN} />
        <MarkList marks={data.marks} />
      </section>
    </Fresh>
  );
}

interface BesideProps {
  data: Overview;
  findings: Findings | undefined;
  saturation: Saturation | undefined;
}

function Beside({ data, findings, saturation }: BesideProps) {
  const count = data.services.reduce((sum, one) => sum + one.now.count, 0);
  const failed = data.services.reduce((sum, one) => sum + one.now.failed, 0);
  const heard = data.services.filter((one) => one.now.count > 0).length;
  return (
    <>
      {plural(count, 'request')} to {plural(heard, 'service')},{' '}
      <span className={failed > 0 ? 'broken' : ''}>{plural(failed, 'failure')}</span>
      {findings !== undefined && findings.totals.user_hours_per_day > 0 && (
        <>
          ; the findings cost your users{' '}
          <strong>{hoursText(findings.totals.user_hours_per_day)}</strong> a day
        </>
      )}
      .
      <Fullest level={saturation?.fullest} />{' '}
      <span className="dim from">
        From {stretch(data.window.from_unix_ms, data.window.to_unix_ms, 'to')}.
      </span>
    </>
  );
}

function Nothing({ findings }: { findings: Findings | undefined }) {
  const known = findings !== undefined && findings.findings.length > 0;
  return (
    <Empty title={known ? 'No request came in this window' : 'Nothing has come so far'}>
      <p>
        Look <Link to={to('/', { last: '30d' })}>at the last 30 days</Link>
        {known && (
          <>
            {' '}
            or <Link to={to('/findings')}>at the findings</Link>
          </>
        )}
        , or send something:
      </p>
      <Setup />
    </Empty>
  );
}
