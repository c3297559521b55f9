/** The ledger: what was found, changed, proven, taken back and decided, the newest first. */
import { path, useApi } from '../../api/use';
import type { Ledger, LedgerEntry } from '../../api/types';
import { clock, full, plural } from '../../lib/format';
import { countsText, KINDS, REMEDY_STATES, standsText } from '../../lib/ledger';
import { to, useQuery } from '../../lib/route';
import { Code } from '../../ui/Copy';
import { Empty, Fresh, Problem, Waiting } from '../../ui/Empty';
import { FilterSelect, Search } from '../../ui/Filter';
import { Link } from '../../ui/Link';
import { EntryDetail } from '../../ui/EntryDetail';

export function LedgerPage() {
  const query = useQuery();
  const asked = (name: string) => query.get(name) ?? undefined;
  const filters = {
    kind: asked('kind'),
    state: asked('state'),
    finding: asked('finding'),
    q: asked('q'),
  };
  const { data, problem, stale } = useApi<Ledger>(path('ledger', filters));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.kinds.every((one) => one.count === 0)) return <Nothing />;
  return (
    <Fresh stale={stale}>
      <div className="claim">
        <h1>The ledger</h1>
        <p>
          {countsText(data)}
          <span className="dim">
            {data.shared ? '; kept in PostgreSQL, for all who share it' : ''}
          </span>{' '}
          <Link to={to('/board')}>The board report</Link>
        </p>
      </div>
      <div className="filters" role="search" aria-label="Filter the ledger">
        <FilterSelect
          name="kind"
          label="Kind"
          all="every kind"
          facets={KINDS.map(({ kind }) => ({
            value: kind,
            count: data.kinds.find((one) => one.kind === kind)?.count ?? 0,
          }))}
        />
        <FilterSelect
          name="state"
          label="State of remedies"
          all="every state"
          facets={REMEDY_STATES.map((value) => ({ value, count: 0 }))}
        />
        <Search label="search" />
      </div>
      {data.entries.length === 0 ? (
        <p className="nothing">
          Nothing is like that. <Link to={to('/ledger')}>Show all of it.</Link>
        </p>
      ) : (
        <ol className="ledger">
          {data.entries.map((entry) => (
            <Row key={`${entry.kind} ${entry.number}`} entry={entry} />
          ))}
        </ol>
      )}
      {data.entries.length < data.total && (
        <p className="dim">
          {plural(data.total - data.entries.length, 'older entry', 'older entries')} not shown;{' '}
          <code>taut ledger</code> tells all of them.
        </p>
      )}
    </Fresh>
  );
}

function Row({ entry }: { entry: LedgerEntry }) {
  return (
    <li>
      <time className="dim" title={full(entry.unix_ms)}>
        {clock(entry.unix_ms)}
      </time>
      <span className={`stands ${standsText(entry).replace(' ', '-')}`}>{standsText(entry)}</span>
      <div>
        <p>
          <span className="say">{entry.title}</span>
          {entry.about !== '' && <span className="dim"> {entry.about}</span>}
        </p>
        {entry.finding != null && (
          <p className="dim">
            {entry.kind} {entry.number} of{' '}
            <Link to={to(`/findings/${entry.finding}`)} data-row>
              finding {entry.finding.slice(0, 8)}
            </Link>
            ; <Link to={to('/ledger', { finding: entry.finding })}>its history</Link>
          </p>
        )}
        <EntryDetail entry={entry} />
        {(entry.run != null || entry.proof != null) && (
          <p>
            <Link to={to('/runs', { run: `${entry.number}` })}>
              {entry.result_bytes == null ? 'Its figures' : 'All that was measured'}
            </Link>
          </p>
        )}
      </div>
    </li>
  );
}

function Nothing() {
  return (
    <Empty title="Nothing was noted so far">
      <p>
        Remedies that <code>taut fix</code> applies come here by themselves, and so does what is
        said of a finding on its page. The rest is said in a shell:
      </p>
      <Code
        label="shell"
        text={
          'taut find spans.json --json                  # tells the id of each finding\n' +
          "taut ledger mark 3f2a91c0d4e8b7f6 applied --what 'orders load their customers at once'\n" +
          'taut prove before.json after.json --record 3f2a\n' +
          "taut ledger decide 'No cache for prices' --by Ada"
        }
      />
    </Empty>
  );
}
