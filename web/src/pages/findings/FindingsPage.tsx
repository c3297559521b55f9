/** What to fix first: the ranked list. */
import { useState } from 'react';

import { path, useApi } from '../../api/use';
import type { Finding, FindingProgress, Findings } from '../../api/types';
import { clock, duration, grouped, hoursText, plural } from '../../lib/format';
import { progressOf } from '../../lib/progress';
import { navigate, to, useQuery } from '../../lib/route';
import { LEVELS } from '../../lib/words';
import { Breaks } from '../../ui/Breaks';
import { Empty, Problem, Waiting } from '../../ui/Empty';
import { FilterSelect, Search } from '../../ui/Filter';
import { Level } from '../../ui/Level';
import { Link } from '../../ui/Link';
import { Change, Days, Hours, Percent } from '../../ui/Num';
import { Setup } from '../../ui/Setup';
import { State } from '../../ui/State';
import { Plane } from './Plane';

export function FindingsPage() {
  const query = useQuery();
  const filter = (name: string) => query.get(name) ?? undefined;
  const filters = {
    service: filter('service'),
    fault: filter('fault'),
    level: filter('level'),
    state: filter('state'),
    q: filter('q'),
  };
  const { data, problem } = useApi<Findings>(path('findings', filters));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.services.length === 0) {
    return (
      <Empty title="Nothing to fix so far">
        <Setup />
      </Empty>
    );
  }
  const levels = LEVELS.flatMap((level) => data.levels.filter((facet) => facet.value === level));
  return (
    <>
      <div className="claim">
        <h1>What to fix first</h1>
        <Waste findings={data} />
      </div>
      <div className="filters" role="search" aria-label="Filter the findings">
        <FilterSelect name="level" label="Level" all="every level" facets={levels} />
        <FilterSelect
          name="state"
          label="State"
          all="still open"
          facets={[{ value: 'all', count: 0 }, ...data.states]}
        />
        <FilterSelect name="fault" label="Fault" all="every fault" facets={data.faults} />
        <FilterSelect name="service" label="Service" all="every service" facets={data.services} />
        <Search label="search" />
      </div>
      {data.findings.length === 0 ? (
        <p className="nothing">
          No finding is like that.{' '}
          <Link to={to('/findings', { state: 'all' })}>Show all of them.</Link>
        </p>
      ) : (
        <ListAndPlane findings={data.findings} progress={data.progress} />
      )}
    </>
  );
}

function ListAndPlane({
  findings,
  progress,
}: {
  findings: Finding[];
  progress: FindingProgress[];
}) {
  const [here, setHere] = useState<string>();
  return (
    <div className="with-plane">
      <FindingTable findings={findings} progress={progress} here={here} point={setHere} />
      <Plane findings={findings} here={here} point={setHere} />
    </div>
  );
}

function Waste({ findings }: { findings: Findings }) {
  const { user_hours_per_day: users, database_hours_per_day: database } = findings.totals;
  const share = findings.findings.reduce((sum, one) => sum + one.impact.database_share, 0);
  return (
    <p>
      {plural(findings.totals.findings, 'finding')}; together they waste{' '}
      <strong>{hoursText(users)}</strong> of your users’ time a day
      {database > 0 && (
        <>
          {' '}
          and <strong>{hoursText(database)}</strong> of the database’s,{' '}
          <Percent share={Math.min(1, share)} /> of its work
        </>
      )}
      .<Observed findings={findings} />
    </p>
  );
}

/** Every figure carries its window and its sample. */
function Observed({ findings }: { findings: Findings }) {
  if (findings.observed == null) return null;
  const { from_unix_ms: from, to_unix_ms: until } = findings.observed;
  return (
    <span className="dim from">
      From {plural(findings.requests, 'request')} between {clock(from)} and {clock(until)}; first
      comes what saves most for the least work.
    </span>
  );
}

interface TableProps {
  findings: Finding[];
  /** Where they stand, as far as that is known. */
  progress?: FindingProgress[];
  /** All are of one endpoint, which then is not said again. */
  short?: boolean;
  /** The finding that is pointed at, and how to point at one. */
  here?: string | undefined;
  point?: (id: string | undefined) => void;
}

/** Findings in the order given; used wherever findings are listed. */
export function FindingTable({ findings, progress = [], short, here, point }: TableProps) {
  const most = Math.max(...findings.map(wasted), 1e-9);
  return (
    <table className="rows findings">
      <thead>
        <tr>
          <th scope="col">level</th>
          <th scope="col">{short ? 'claim' : 'where and what'}</th>
          <th scope="col" className="p3">
            fault
          </th>
          <th scope="col" className="n">
            users wait
          </th>
          <th scope="col" className="n p2">
            queries
          </th>
          <th scope="col" className="n p2">
            p95
          </th>
          <th scope="col" className="n p4">
            effort
          </th>
          <th scope="col" className="p4 impact">
            <span className="hidden">share of the worst</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {findings.map((finding) => (
          <Row
            key={finding.id}
            finding={finding}
            progress={progressOf(progress, finding.id)}
            most={most}
            short={short ?? false}
            here={finding.id === here}
            point={point}
          />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  finding: Finding;
  progress: FindingProgress | undefined;
  most: number;
  short: boolean;
  here: boolean;
  point: TableProps['point'];
}

function Row({ finding, progress, most, short, here, point }: RowProps) {
  const href = to(`/findings/${finding.id}`);
  const hours = wasted(finding);
  return (
    <tr
      className={here ? 'here' : undefined}
      onClick={(event) => openRow(event.target, href)}
      onPointerEnter={() => point?.(finding.id)}
      onPointerLeave={() => point?.(undefined)}
      onFocus={() => point?.(finding.id)}
      onBlur={() => point?.(undefined)}
    >
      <td>
        <Level level={finding.level} />
      </td>
      <td className="what">
        <Link to={href} data-row>
          {!short && (
            <span className="op">
              <Breaks text={finding.operation} />
            </span>
          )}
          {!short && <span className="dim service">{finding.service}</span>}
          <span className="say">
            <Breaks text={finding.claim} />
          </span>
        </Link>
        {progress !== undefined && progress.state !== 'new' && <State state={progress.state} />}
        {progress !== undefined && progress.assignee !== '' && (
          <span className="dim who">{progress.assignee}</span>
        )}
      </td>
      <td className="p3">
        <span className="tag">{finding.fault}</span>
      </td>
      <td className="n strong">
        <Wasted finding={finding} />
      </td>
      <td className="n p2">
        <Queries finding={finding} />
      </td>
      <td className="n p2">
        <Times finding={finding} />
      </td>
      <td className="n p4">
        <Days count={finding.effort_days} />
      </td>
      <td className="p4 impact" aria-hidden="true">
        <span className="meter">
          <span style={{ width: `${Math.max(1, (hours / most) * 100)}%` }} />
        </span>
      </td>
    </tr>
  );
}

/** Hours a day of users; of the database where nobody is known to wait for it. */
function wasted({ impact }: Finding): number {
  return impact.user_hours_per_day > 0 ? impact.user_hours_per_day : impact.database_hours_per_day;
}

function Wasted({ finding }: { finding: Finding }) {
  const ofUsers = finding.impact.user_hours_per_day > 0 || wasted(finding) === 0;
  return (
    <>
      <Hours hours={wasted(finding)} />
      {!ofUsers && <small title="time that the database works in vain"> database</small>}
    </>
  );
}

/** Now and after; nothing where it is not about how long something takes. */
function Times({ finding }: { finding: Finding }) {
  const { duration_now_micros: now, duration_after_micros: after } = finding;
  if (now === 0 && after === 0) return <span className="dim">–</span>;
  return <Change now={duration(now)} after={duration(after)} />;
}

/** Statements of the request, or calls where the fault is not about statements. */
function Queries({ finding }: { finding: Finding }) {
  const { statements_now: now, statements_after: after } = finding;
  if (now !== after) {
    return (
      <Change
        now={{ value: grouped(now), unit: '' }}
        after={{ value: grouped(after), unit: 'q' }}
      />
    );
  }
  if (finding.calls_now !== finding.calls_after) {
    return (
      <Change
        now={{ value: grouped(finding.calls_now), unit: '' }}
        after={{ value: grouped(finding.calls_after), unit: 'calls' }}
      />
    );
  }
  return <span className="dim">–</span>;
}

/** A click anywhere in a row opens it, unless it selects text or meets a link. */
export function openRow(target: EventTarget, href: string) {
  if ((target as Element).closest('a, button') !== null) return;
  if ((getSelection()?.toString() ?? '') !== '') return;
  navigate(href);
}
