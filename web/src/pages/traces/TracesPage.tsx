/** The slowest requests, or the latest, and a way to any trace by its id. */
import { useState, type SubmitEvent } from 'react';

import { path, useApi } from '../../api/use';
import type { Operations, Request, Requests } from '../../api/types';
import { durationText, plural, tickText } from '../../lib/format';
import { openTraceFile } from '../../lib/opened';
import { navigate, to, useParam, useQuery } from '../../lib/route';
import { useRange } from '../../lib/time';
import { DropFile } from '../../ui/DropFile';
import { Fresh, Problem, Waiting } from '../../ui/Empty';
import { FilterSelect } from '../../ui/Filter';
import { Link } from '../../ui/Link';
import { Quiet } from '../../ui/Quiet';
import { RequestTable } from '../../ui/Requests';

/** Endpoints to choose from, those with most time. */
const ENDPOINTS_MAX = '200';

export function TracesPage() {
  const query = useQuery();
  const range = useRange();
  const service = query.get('service') ?? undefined;
  const operation = query.get('operation') ?? undefined;
  const failed = query.get('failed') ?? undefined;
  const slow = query.get('slow') ?? undefined;
  const sort = query.get('sort') === 'latest' ? 'latest' : undefined;
  const requests = useApi<Requests>(
    path('requests', { ...range, service, operation, failed, duration_min_ms: slow, sort }),
  );
  // Of one service its endpoints are wanted, too.
  const limit = service === undefined ? '1' : ENDPOINTS_MAX;
  const operations = useApi<Operations>(path('operations', { ...range, service, limit }), false);
  const services = operations.data?.services.map((value) => ({ value, count: 0 })) ?? [];
  const own = operations.data?.operations.filter((one) => one.service === service) ?? [];
  const endpoints = own.map((one) => ({ value: one.operation, count: 0 }));
  if (requests.problem !== undefined) return <Problem problem={requests.problem} />;
  return (
    <Fresh stale={requests.stale && requests.data !== undefined}>
      <div className="claim">
        <h1>{sort === 'latest' ? 'The latest requests' : 'The slowest requests'}</h1>
        <Claim requests={requests.data?.requests ?? []} latest={sort === 'latest'} />
      </div>
      <div className="filters" role="search" aria-label="Filter the requests">
        <FilterSelect
          name="service"
          label="Service"
          all="every service"
          facets={services}
          problem={operations.problem}
        />
        {(service ?? operation) !== undefined && (
          <FilterSelect name="operation" label="Endpoint" all="every endpoint" facets={endpoints} />
        )}
        <Choice name="sort" label="Order" options={ORDERS} />
        <Choice name="failed" label="Outcome" options={OUTCOMES} />
        <Choice name="slow" label="Duration" options={DURATIONS} />
        <ById />
        <DropFile words="Open a file" open={openTraceFile} />
        <Link to={to('/compare')}>Compare two traces</Link>
        <Link to={to('/profile')}>Profiles</Link>
      </div>
      {requests.data === undefined ? (
        <Waiting />
      ) : requests.data.requests.length === 0 ? (
        <Quiet filtered={(service ?? operation ?? failed ?? slow) !== undefined} what="request" />
      ) : (
        <RequestTable requests={requests.data.requests} />
      )}
    </Fresh>
  );
}

function Claim({ requests, latest }: { requests: Request[]; latest: boolean }) {
  const slowest = requests.toSorted((one, other) => other.duration_micros - one.duration_micros)[0];
  if (slowest === undefined) return null;
  return (
    <p>
      The slowest{latest && requests.length > 1 && ` of the last ${requests.length}`} took{' '}
      <strong>{durationText(slowest.duration_micros)}</strong> and ran{' '}
      {plural(slowest.statements, 'query', 'queries')}: <strong>{slowest.operation}</strong>.
    </p>
  );
}

/** Values of a parameter and what they mean, the one that is meant without it first. */
type Options = [value: string, words: string][];

const ORDERS: Options = [
  ['', 'slowest first'],
  ['latest', 'latest first'],
];

const OUTCOMES: Options = [
  ['', 'every outcome'],
  ['true', 'failed'],
  ['false', 'not failed'],
];

/** In milliseconds. */
const DURATIONS: Options = [
  ['', 'however long'],
  ...['50', '200', '500', '1000', '5000'].map((millis): [string, string] => [
    millis,
    `${tickText(Number(millis) * 1000)} or longer`,
  ]),
];

function Choice({ name, label, options }: { name: string; label: string; options: Options }) {
  const [value, set] = useParam(name);
  const missing = value !== '' && !options.some(([known]) => known === value);
  return (
    <label className="filter">
      <span className="hidden">{label}</span>
      <select value={value} onChange={(event) => set(event.target.value)}>
        {options.map(([known, words]) => (
          <option key={known} value={known}>
            {words}
          </option>
        ))}
        {missing && <option value={value}>{value}</option>}
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
