/** Runs that were recorded, the newest first; each opens with all that was measured. */
import type { ReactNode } from 'react';

import { path, useApi } from '../../api/use';
import type { LedgerEntry, Runs } from '../../api/types';
import { clock, full, grouped } from '../../lib/format';
import { openRow, to, useQuery, withParams } from '../../lib/route';
import { isBad, RUN_KINDS, runCounts, runFigures, runKindWords, runVerdict } from '../../lib/runs';
import { Breaks } from '../../ui/Breaks';
import { Code } from '../../ui/Copy';
import { Empty, Fresh, Problem, Waiting } from '../../ui/Empty';
import { FilterSelect, Search } from '../../ui/Filter';
import { Heads } from '../../ui/Heads';
import { Link } from '../../ui/Link';

export function RunList({ button }: { button: ReactNode }) {
  const query = useQuery();
  const asked = (name: string) => query.get(name) ?? undefined;
  const { data, problem, stale } = useApi<Runs>(
    path('runs', { kind: asked('kind'), q: asked('q'), before: asked('before') }),
  );
  if (problem !== undefined)
    return (
      <>
        <Problem problem={problem} />
        <p>{button}</p>
      </>
    );
  if (data === undefined) return <Waiting />;
  if (data.kinds.every((one) => one.count === 0)) return <Nothing button={button} />;
  return (
    <Fresh stale={stale}>
      <div className="claim">
        <h1>What was run</h1>
        <p>
          {runCounts(data)}
          <span className="dim">
            {data.shared ? '; kept in PostgreSQL, for all who share it' : ''}
          </span>
        </p>
      </div>
      <div className="filters" role="search" aria-label="Filter the runs">
        <FilterSelect
          name="kind"
          label="Kind"
          all="every kind"
          facets={RUN_KINDS.map(({ kind }) => ({
            value: kind,
            count: data.kinds.find((one) => one.kind === kind)?.count ?? 0,
          }))}
        />
        <Search label="search" />
        {button}
        <Link to={to('/runs', { compare: 'previous' })}>two stretches of time</Link>
      </div>
      <Table runs={data.runs} />
      <p className="dim">
        {asked('before') !== undefined && <Link to={withParams({ before: '' })}>The newest</Link>}{' '}
        {data.older != null && (
          <Link to={withParams({ before: `${data.older}` })}>
            Older runs, of {grouped(data.total)}
          </Link>
        )}
      </p>
    </Fresh>
  );
}

function Table({ runs }: { runs: LedgerEntry[] }) {
  if (runs.length === 0)
    return (
      <p className="nothing">
        Nothing is like that. <Link to={to('/runs')}>Show all of them.</Link>
      </p>
    );
  return (
    <table className="rows runs">
      <Heads columns={[['what'], ['result'], ['figures', 'p2']]} />
      <tbody>
        {runs.map((run) => (
          <Row key={run.number} run={run} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ run }: { run: LedgerEntry }) {
  const href = to('/runs', { run: `${run.number}` });
  const verdict = runVerdict(run);
  return (
    <tr onClick={(event) => openRow(event.target, href)}>
      <td className="what">
        <Link to={href} data-row>
          <span className="say">
            <Breaks text={run.title} />
          </span>
        </Link>
        <span className="dim service">
          {runKindWords(run)} {run.number},{' '}
          <time title={full(run.unix_ms)}>{clock(run.unix_ms)}</time>
          {run.by !== '' && <>, {run.by}</>}
          {run.result_bytes == null && <>, in short</>}
        </span>
      </td>
      <td className={isBad(run) ? 'over verdict' : 'verdict'}>{verdict === '' ? '–' : verdict}</td>
      <td className="p2 dim">{runFigures(run)}</td>
    </tr>
  );
}

function Nothing({ button }: { button: ReactNode }) {
  return (
    <Empty title="Nothing was recorded so far">
      <p>
        Loads, searches for a limit, replays, comparisons and checks are listed here once they are
        run with <code>--record</code>, with all that was measured:
      </p>
      <Code
        label="shell"
        text={
          'taut load http://localhost:8000/ --rate 200 --for 1m --record\n' +
          'taut load http://localhost:8000/ --search --expect "p95<200ms" --record\n' +
          'taut replay captures/ --target http://new:8000 --against http://old:8000 --record\n' +
          'taut prove before.json after.json --record\n' +
          'taut check spans.json --record'
        }
      />
      <p>
        What one of them wrote with <code>--out</code> or <code>--json</code> can be dropped here as
        well, and is not kept; two runs of load at once are laid one over the other. {button}
      </p>
      <p>
        Or compare <Link to={to('/runs', { compare: 'previous' })}>two stretches of time</Link> of
        what is kept here.
      </p>
    </Empty>
  );
}
