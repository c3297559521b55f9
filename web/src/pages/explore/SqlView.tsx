/** A statement of one's own, where spans are kept in ClickHouse: it only reads, within bounds. */
import { useState, type KeyboardEvent, type SubmitEvent } from 'react';

import { path, post, postForFile, useApi, type Answer } from '../../api/use';
import type { Problem as Fault, SqlAnswer, Status } from '../../api/types';
import { durationText, grouped, plural } from '../../lib/format';
import { csvOf, linkable } from '../../lib/question';
import { setParams, to, useParam } from '../../lib/route';
import { Problem, Waiting } from '../../ui/Empty';
import { Link } from '../../ui/Link';
import { download, save } from './download';

const EXAMPLES: { words: string; sql: string }[] = [
  {
    words: 'services',
    sql: `SELECT service, count() AS spans, quantile(0.95)(duration_nanos) / 1e6 AS p95_ms
FROM spans
WHERE start_at > now() - INTERVAL 1 HOUR AND taut_thinning = 0
GROUP BY service
ORDER BY spans DESC`,
  },
  {
    words: 'slowest spans',
    sql: `SELECT lower(hex(trace_id)) AS trace, service, name, duration_nanos / 1e6 AS ms
FROM spans
WHERE start_at > now() - INTERVAL 1 DAY AND taut_thinning = 0
ORDER BY duration_nanos DESC
LIMIT 20`,
  },
  {
    words: 'values of an attribute',
    sql: `SELECT attributes['http.route'] AS route, count() AS requests
FROM spans
WHERE route != '' AND start_at > now() - INTERVAL 1 HOUR AND taut_thinning = 0
GROUP BY route
ORDER BY requests DESC`,
  },
];

const FIRST = EXAMPLES[0]?.sql ?? '';

/** As the API takes them. */
const SQL_LETTERS_MAX = 32_768;

export function SqlView() {
  const { text, setText, asked, running, run } = useStatement();
  const { data: status } = useApi<Status>(path('status'), false);
  const pressed = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) run();
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    run();
  };
  return (
    <>
      {status?.sql === false && (
        <p className="notes">
          Spans are kept in a folder here, which understands no SQL: it is there once{' '}
          <code>store.clickhouse.url</code> is set.
        </p>
      )}
      <form className="statement" aria-label="Statement" onSubmit={submit}>
        <label htmlFor="sql">SQL</label>
        <textarea
          id="sql"
          rows={8}
          maxLength={SQL_LETTERS_MAX}
          spellCheck={false}
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={pressed}
          aria-describedby="sql-bounds"
        />
        <div className="run">
          <button type="submit" disabled={running}>
            Run
          </button>
          <p className="dim" id="sql-bounds">
            Ctrl-Enter runs it. It may read, for ten seconds, and gives its first 1,000 rows. What
            came last is still in the folder and not in ClickHouse. It may have{' '}
            {grouped(SQL_LETTERS_MAX)} letters. Such as{' '}
            {EXAMPLES.map(({ words, sql }, place) => (
              <span key={words}>
                {place > 0 && ', '}
                <button type="button" className="link" onClick={() => setText(sql)}>
                  {words}
                </button>
              </span>
            ))}
            .
          </p>
        </div>
        {!linkable(text) && (
          <p className="over" role="status">
            It is too long for an address: neither a link to this page nor a saved view holds it.
          </p>
        )}
      </form>
      {running ? <Waiting /> : asked !== undefined && <Result sql={asked.sql} answer={asked.of} />}
    </>
  );
}

/** A statement that is one's own until it is run; the address holds what was run, and may change without us. */
function useStatement() {
  const [held] = useParam('sql');
  const [seen, setSeen] = useState(held);
  const [text, setText] = useState(held === '' ? FIRST : held);
  const [answer, setAnswer] = useState<{ sql: string; of: Answer<SqlAnswer> }>();
  const [ran, setRan] = useState<string>();
  const [running, setRunning] = useState(false);
  // A saved view, or the way back: another statement, whose answer is not there.
  if (held !== seen) {
    setSeen(held);
    setText(held === '' ? FIRST : held);
    setRan(undefined);
  }
  const run = () => {
    // The keys, too, wait: of two, the slower would replace the newer.
    if (running) return;
    const address = linkable(text) ? text : '';
    setSeen(address);
    setParams({ sql: address });
    setRan(text);
    setRunning(true);
    void post<SqlAnswer>(path('sql'), { sql: text }).then((of) => {
      setAnswer({ sql: text, of });
      setRunning(false);
    });
  };
  return { text, setText, asked: answer?.sql === ran ? answer : undefined, running, run };
}

interface ResultProps {
  sql: string;
  answer: Answer<SqlAnswer>;
}

function Result({ sql, answer: { data, problem } }: ResultProps) {
  const parquet = useParquet(sql);
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (data === undefined) return null;
  const head = data.columns.map((column) => column.name);
  return (
    <>
      <p className="downloads">
        <span className="dim" role="status">
          {plural(data.rows.length, 'row')}
          {data.cut && ', and there are more'}; {grouped(data.rows_read)} looked at in{' '}
          {durationText(data.took_micros)}
        </span>{' '}
        <button
          type="button"
          className="copy"
          aria-disabled={parquet.isAsked}
          onClick={parquet.ask}
          title="Runs it again; columns keep their types"
        >
          Download Parquet
        </button>
        <button
          type="button"
          className="copy"
          onClick={() => download('sql', csvOf(head, data.rows))}
        >
          Download CSV
        </button>
      </p>
      {parquet.fault !== undefined && <Problem part problem={parquet.fault} />}
      {data.rows.length === 0 ? (
        <p className="nothing">No row passes. Ask for a longer time, or of fewer conditions.</p>
      ) : (
        <div className="sql-rows" tabIndex={0} role="region" aria-label="Rows">
          <table className="rows">
            <thead>
              <tr>
                {data.columns.map((column, place) => (
                  <th
                    key={place}
                    scope="col"
                    title={column.kind}
                    className={isNumber(column.kind) ? 'n' : ''}
                  >
                    {column.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.rows.map((row, number) => (
                <tr key={number}>
                  {row.map((value, place) => (
                    <td key={place} className={isNumber(data.columns[place]?.kind) ? 'n' : ''}>
                      <Value value={value} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

/** The rows as ClickHouse itself writes them to a file; what is here of them are texts. */
function useParquet(sql: string) {
  const [isAsked, setIsAsked] = useState(false);
  const [fault, setFault] = useState<Fault>();
  const ask = () => {
    if (isAsked) return;
    setIsAsked(true);
    setFault(undefined);
    void postForFile(path('sql.parquet'), { sql }).then(({ data, problem }) => {
      setIsAsked(false);
      setFault(problem);
      if (data !== undefined) save('taut-sql.parquet', data);
    });
  };
  return { isAsked, fault, ask };
}

/** Ids of traces lead to them. */
function Value({ value }: { value: string | null }) {
  if (value === null) return <span className="dim">null</span>;
  if (!/^[0-9a-f]{32}$/i.test(value)) return <>{value}</>;
  return (
    <Link to={to(`/traces/${value.toLowerCase()}`)} data-row>
      {value.toLowerCase()}
    </Link>
  );
}

function isNumber(kind = ''): boolean {
  return /^(Nullable\()?(U?Int|Float|Decimal)/.test(kind);
}
