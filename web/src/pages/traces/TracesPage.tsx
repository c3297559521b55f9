/** The slowest requests, and a way to any trace by its id. */
import { useState, type SubmitEvent } from 'react';

import { path, useApi } from '../../api/use';
import type { Operations, Requests } from '../../api/types';
import { durationText, plural } from '../../lib/format';
import { openTraceFile } from '../../lib/opened';
import { navigate, to, useParam, useQuery } from '../../lib/route';
import { useRange } from '../../lib/time';
import { DropFile } from '../../ui/DropFile';
import { Fresh, Problem, Waiting } from '../../ui/Empty';
import { FilterSelect } from '../../ui/Filter';
import { Link } from '../../ui/Link';
import { Quiet } from '../../ui/Quiet';
import { RequestTable } from '../../ui/Requests';

export function TracesPage() {
  const query = useQuery();
  const range = useRange();
  const service = query.get('service') ?? undefined;
  const failed = query.get('failed') ?? undefined;
  const requests = useApi<Requests>(path('requests', { ...range, service, failed }));
  const operations = useApi<Operations>(path('operations', { ...range, limit: '1' }), false);
  const services = operations.data?.services.map((value) => ({ value, count: 0 })) ?? [];
  if (requests.problem !== undefined) return <Problem problem={requests.problem} />;
  const [slowest] = requests.data?.requests ?? [];
  return (
    <Fresh stale={requests.stale && requests.data !== undefined}>
      <div className="claim">
        <h1>The slowest requests</h1>
        {slowest !== undefined && (
          <p>
            The slowest took <strong>{durationText(slowest.duration_micros)}</strong> and ran{' '}
            {plural(slowest.statements, 'query', 'queries')}: <strong>{slowest.operation}</strong>.
          </p>
        )}
      </div>
      <div className="filters" role="search" aria-label="Filter the requests">
        <FilterSelect
          name="service"
          label="Service"
          all="every service"
          facets={services}
          problem={operations.problem}
        />
        <Outcome />
        <ById />
        <DropFile words="Open a file" open={openTraceFile} />
        <Link to={to('/compare')}>Compare two traces</Link>
        <Link to={to('/profile')}>Profiles</Link>
      </div>
      {requests.data === undefined ? (
        <Waiting />
      ) : requests.data.requests.length === 0 ? (
        <Quiet filtered={service !== undefined || failed !== undefined} what="request" />
      ) : (
        <RequestTable requests={requests.data.requests} />
      )}
    </Fresh>
  );
}

function Outcome() {
  const [failed, set] = useParam('failed');
  return (
    <label className="filter">
      <span className="hidden">Outcome</span>
      <select value={failed} onChange={(event) => set(event.target.value)}>
        <option value="">every outcome</option>
        <option value="true">failed</option>
        <option value="false">not failed</option>
      </select>
    </label>
  );
}

function ById() {
  const [id, setId] = useState('');
  const wanted = id.trim().toLowerCase();
  const open = (event: SubmitEvent) => {
    event.preventDefault();
    if (/^[0-9a-f]{1,32}$/.test(wanted)) navigate(to(`/traces/${wanted}`));
  };
  return (
    <form className="filter search" onSubmit={open}>
      <label>
        <span className="hidden">Trace by its id</span>
        <input
          type="search"
          placeholder="/ trace id, then Enter"
          maxLength={40}
          pattern="\s*[0-9a-fA-F]{1,32}\s*"
          title="the id of a trace: up to 32 hexadecimal digits"
          value={id}
          onChange={(event) => setId(event.target.value)}
        />
      </label>
    </form>
  );
}
