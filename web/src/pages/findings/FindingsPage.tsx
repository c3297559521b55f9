/** What to fix first: the ranked list. */
import { useState } from 'react';

import { path, useApi } from '../../api/use';
import type { Finding, FindingProgress, Findings } from '../../api/types';
import { clock, hoursText, plural } from '../../lib/format';
import { to, useQuery } from '../../lib/route';
import { LEVELS } from '../../lib/words';
import { Empty, Fresh, Problem, Waiting } from '../../ui/Empty';
import { FilterSelect, Search } from '../../ui/Filter';
import { FindingTable } from '../../ui/FindingTable';
import { Link } from '../../ui/Link';
import { Percent } from '../../ui/Num';
import { Setup } from '../../ui/Setup';
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
  const { data, problem, stale } = useApi<Findings>(path('findings', filters));
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
    <Fresh stale={stale}>
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
    </Fresh>
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
  const {
    user_hours_per_day: users,
    database_hours_per_day: database,
    database_share: share,
  } = findings.totals;
  return (
    <p>
      {plural(findings.totals.findings, 'finding')}
      {(users > 0 || database > 0) && '; together they waste '}
      {users > 0 && (
        <>
          <strong>{hoursText(users)}</strong> of your users’ time a day
        </>
      )}
      {users > 0 && database > 0 && ' and '}
      {database > 0 && (
        <>
          <strong>{hoursText(database)}</strong> of the database’s
          {users <= 0 && ' time a day'}
        </>
      )}
      {share != null && (
        <>
          , <Percent share={share} /> of its work
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
      From {plural(findings.requests, 'request')} between {clock(from)} and {clock(until)}. First
      comes what saves most hours, of users and of the database, for a day of work; what is
      dangerous counts as many hours as its level stands for.
    </span>
  );
}
