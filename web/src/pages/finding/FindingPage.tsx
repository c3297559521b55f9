/** One finding as an argument: claim, why, evidence, what to do, what it brings, how to prove it. */
import { path, useApi } from '../../api/use';
import type { Evidence, Finding, FindingDetail } from '../../api/types';
import {
  daysText,
  digits,
  duration,
  durationText,
  grouped,
  hoursText,
  plural,
  sentence,
} from '../../lib/format';
import { why } from '../../lib/doc';
import { proofsOf } from '../../lib/proofs';
import { Breaks } from '../../ui/Breaks';
import { Code } from '../../ui/Copy';
import { CreateIndex } from '../../ui/CreateIndex';
import { Fresh, Problem, Waiting } from '../../ui/Empty';
import { Level } from '../../ui/Level';
import { Link } from '../../ui/Link';
import { Change, Percent } from '../../ui/Num';
import { Sql } from '../../ui/Sql';
import { State } from '../../ui/State';
import { Aside } from './Aside';
import { DatabaseFigures } from './DatabaseFigures';
import { statementOf, usePlace } from './place';

export function FindingPage({ id }: { id: string }) {
  const { data, problem, stale } = useApi<FindingDetail>(path(`findings/${id}`));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  return (
    <Fresh stale={stale}>
      <Argument data={data} />
    </Fresh>
  );
}

function Argument({ data }: { data: FindingDetail }) {
  const { finding } = data;
  const href = usePlace(finding);
  return (
    <article className="finding">
      <div className="claim">
        <p className="over">
          <Level level={finding.level} />
          <span className="tag" title={data.fault_title}>
            {finding.fault}
          </span>
          <span className="dim">
            {data.rank} of {data.ranked}
          </span>
          <State state={data.progress.state} />
          {data.progress.assignee !== '' && (
            <span className="dim">{data.progress.assignee} has it</span>
          )}
        </p>
        <h1>
          <Breaks text={sentence(finding.claim)} />
        </h1>
        <p>
          <Wastes finding={finding} href={href} />
        </p>
      </div>
      <div className="columns">
        <div className="argument">
          <Why doc={data.fault_doc} />
          <Shown evidence={finding.evidence} statementHref={statementOf(finding, href)} />
          <Remedies finding={finding} />
          <Brings finding={finding} />
          <Prove finding={finding} />
        </div>
        <Aside finding={finding} href={href} progress={data.progress} />
      </div>
    </article>
  );
}

/** Whose time it costs; what is no matter of hours says nothing. */
function Wastes({ finding, href }: { finding: Finding; href: string }) {
  const {
    user_hours_per_day: users,
    database_hours_per_day: database,
    database_share: share,
  } = finding.impact;
  const where = <Link to={href}>{finding.operation}</Link>;
  if (users === 0 && database === 0) return <>In {where}.</>;
  return (
    <>
      {where} wastes{' '}
      {users > 0 && (
        <>
          <strong>{hoursText(users)}</strong> of your users’ time a day
        </>
      )}
      {users > 0 && database > 0 && ' and '}
      {database > 0 && (
        <>
          <strong>{hoursText(database)}</strong> of the database’s{users === 0 && ' time a day'}
          {share > 0 && (
            <>
              , <Percent share={share} /> of its work
            </>
          )}
        </>
      )}
      .
    </>
  );
}

function Why({ doc }: { doc: string }) {
  const text = why(doc);
  if (text === '') return null;
  return (
    <section>
      <h2>Why it hurts</h2>
      <p className="prose">{text}</p>
    </section>
  );
}

interface ShownProps {
  evidence: Evidence;
  /** Where the statement's history is kept, if the database is watched. */
  statementHref: string | undefined;
}

function Shown({ evidence, statementHref }: ShownProps) {
  const { source, statement, excerpt, endpoint: remote, attribute, database } = evidence;
  return (
    <section>
      <h2>What shows it</h2>
      {excerpt.length > 0 && (
        <pre className="excerpt" tabIndex={0} aria-label="excerpt of a trace">
          {excerpt.join('\n')}
        </pre>
      )}
      {statement != null && (
        <Sql text={statement.text} label={source == null ? 'the statement' : 'for each row'} />
      )}
      {statementHref !== undefined && (
        <p>
          <Link to={statementHref}>The statement’s history in the database</Link>
        </p>
      )}
      {database != null && <DatabaseFigures evidence={database} />}
      <Beside evidence={evidence} />
      {remote != null && !excerpt.some((line) => line.includes(remote)) && (
        <p>
          It calls <code>{remote}</code>.
        </p>
      )}
      {attribute != null && !excerpt.some((line) => line.startsWith(attribute.key)) && (
        <p>
          What the slow ones have in common: <code>{attribute.key}</code> is{' '}
          <code>{attribute.value}</code>.
        </p>
      )}
    </section>
  );
}

/** What else belongs to the fault, folded, so that what to do is not far below. */
function Beside({ evidence: { source, related } }: { evidence: Evidence }) {
  const words = [
    source == null ? '' : 'The list that it is run for',
    related.length === 0 ? '' : plural(related.length, 'more statement'),
  ].filter((part) => part !== '');
  if (words.length === 0) return null;
  return (
    <details>
      <summary>{words.join(', and ')}</summary>
      {source != null && <Sql text={source.text} label="the list" />}
      {related.map((one) => (
        <Sql key={one.fingerprint} text={one.text} label="belongs to it" />
      ))}
    </details>
  );
}

function Remedies({ finding }: { finding: Finding }) {
  if (finding.advice.length === 0) return null;
  const built = finding.frameworks.join(', ');
  return (
    <section>
      <h2>What to do{built !== '' && <span className="dim"> in {built}</span>}</h2>
      <ol className="remedies">
        {finding.advice.map((advice, place) => (
          <li key={`${advice.remedy} ${place}`}>
            <p className="prose">
              {advice.text} <span className="tag">{advice.remedy}</span>
            </p>
            {advice.change != null && (
              <>
                <Code text={`taut fix ${finding.id} --plan`} label="what Taut would do" />
                {advice.change.locks !== '' && <p className="prose dim">{advice.change.locks}</p>}
              </>
            )}
            {advice.snippet != null &&
              (advice.snippet.language === 'sql' ? (
                <Code text={advice.snippet.code} label="SQL" />
              ) : (
                <Code text={advice.snippet.code} label={advice.snippet.language} />
              ))}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Brings({ finding }: { finding: Finding }) {
  const { impact, evidence } = finding;
  const rows = [
    {
      name: 'time of a request, p95',
      now: duration(finding.duration_now_micros),
      after: duration(finding.duration_after_micros),
    },
    {
      name: 'queries of a request',
      now: { value: grouped(finding.statements_now), unit: 'q' },
      after: { value: grouped(finding.statements_after), unit: 'q' },
    },
    {
      name: 'calls at fault',
      now: { value: grouped(finding.calls_now), unit: 'calls' },
      after: { value: grouped(finding.calls_after), unit: 'calls' },
    },
  ].filter((row) => row.now.value !== row.after.value || row.now.unit !== row.after.unit);
  const proposed = evidence.database?.proposed ?? [];
  if (rows.length === 0 && impact.saved_micros === 0 && proposed.length === 0) return null;
  return (
    <section>
      <h2>What it would bring</h2>
      {proposed.map((one) => (
        <CreateIndex key={one.name} one={one} database={undefined} />
      ))}
      <table className="rows brings">
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              <td className="n strong">
                <Change now={row.now} after={row.after} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="prose">
        On average {durationText(impact.saved_micros)} less for each request at fault
        {impact.saved_error_micros > 0 && (
          <>
            {' '}
            (95 % interval{' '}
            {durationText(Math.max(0, impact.saved_micros - impact.saved_error_micros))} to{' '}
            {durationText(impact.saved_micros + impact.saved_error_micros)})
          </>
        )}
        , {digits(impact.requests_per_day)} times a day. About {daysText(finding.effort_days)} of
        work.
      </p>
    </section>
  );
}

function Prove({ finding }: { finding: Finding }) {
  const proofs = proofsOf(finding);
  if (proofs.length === 0) return null;
  return (
    <section aria-label="How to prove it">
      <h2>How to prove it</h2>
      <ul className="remedies">
        {proofs.map(({ words, command }) => (
          <li key={words}>
            <p className="prose">{words}</p>
            {command !== undefined && <Code text={command} label="shell" />}
          </li>
        ))}
      </ul>
    </section>
  );
}
