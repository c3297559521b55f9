/** The board report: before and after for people who decide, on a screen and on A4. */
import { path, useApi } from '../../api/use';
import type { Board, Ledger, LedgerEntry, LedgerKind } from '../../api/types';
import {
  basis,
  boardClaim,
  boardMarkdown,
  dayText,
  figuresText,
  headed,
  measuredText,
  openText,
  remedyText,
  runText,
  toldOf,
  totals,
  why,
} from '../../lib/board';
import { digits } from '../../lib/format';
import { paragraphs } from '../../lib/ledger';
import { to, useParam } from '../../lib/route';
import { comparedWith, useRange } from '../../lib/time';
import { CopyButton } from '../../ui/Copy';
import { Problem, Waiting } from '../../ui/Empty';
import { Heads } from '../../ui/Heads';
import { Link } from '../../ui/Link';
import { CompareSelect } from '../../ui/CompareSelect';
import { Operations } from './Operations';

const TITLE = 'What was made faster';

export function BoardPage() {
  const range = useRange();
  const [compare] = useParam('compare');
  const other = comparedWith(range, compare);
  const asked = { ...range, before_from: other?.from, before_to: other?.to };
  const { data, problem, stale } = useApi<Board>(path('board', asked));
  const ledgers = [useNewest('remedy'), useNewest('decision'), useNewest('run')];
  const unread = ledgers.find((one) => one.problem !== undefined)?.problem;
  const read = ledgers.flatMap((one) => one.data ?? []);
  if (problem !== undefined) return <Problem problem={problem} />;
  if (unread !== undefined) return <Problem problem={unread} />;
  if (data === undefined || read.length < ledgers.length) return <Waiting />;
  const told = toldOf(read.flatMap((ledger) => ledger.entries));
  const { proven, applied, reverted, failed } = data.remedies;
  return (
    <article className={stale ? 'board stale' : 'board'} aria-busy={stale}>
      <div className="claim">
        <h1>{TITLE}</h1>
        <p>{boardClaim(data)}</p>
      </div>
      <div className="filters">
        <CompareSelect
          range={range}
          problem={undefined}
          first="compare with the time just before"
        />
        <button type="button" className="copy" onClick={() => print()}>
          Print, or save as PDF
        </button>
        <CopyButton text={boardMarkdown(TITLE, data, told)} what="Copy as Markdown" />
        <Link to={to('/ledger')}>The ledger</Link>
      </div>
      <ul className="notes basis" aria-label="What the figures stand on">
        {basis(data).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <Totals board={data} />
      <Operations rows={data.rows} />
      <Remedies heading={headed('What was proven', told.proven, proven)} entries={told.proven} />
      <Remedies
        heading={headed('Applied, and not proven yet', told.applied, applied)}
        entries={told.applied}
      />
      <section>
        <h2>{headed('What did not work, and was taken back', told.undone, reverted + failed)}</h2>
        {told.undone.length === 0 && <p>Nothing.</p>}
        <ul>
          {told.undone.map((one) => (
            <li key={one.number}>
              {remedyText(one)}: {why(one)}
            </li>
          ))}
        </ul>
      </section>
      <Decisions entries={told.decisions} />
      <Runs entries={told.runs} />
    </article>
  );
}

/** What the ledger has of a kind: asked by itself, so that many runs do not push remedies out. */
function useNewest(kind: LedgerKind) {
  return useApi<Ledger>(path('ledger', { kind }));
}

function Totals({ board }: { board: Board }) {
  const lines = totals(board);
  return (
    <section>
      <h2>In total</h2>
      {lines.length > 0 && (
        <table className="rows totals">
          <Heads
            columns={[['all requests'], ['before', 'n'], ['after', 'n'], ['change', 'n p2']]}
          />
          <tbody>
            {lines.map((line) => (
              <tr key={line.name}>
                <td>{line.name}</td>
                <td className="n">{line.before}</td>
                <td className="n strong">{line.after}</td>
                <td className="n p2">{line.change}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p>{openText(board)}</p>
    </section>
  );
}

function Remedies({ heading, entries }: { heading: string; entries: LedgerEntry[] }) {
  if (entries.length === 0) return null;
  return (
    <section>
      <h2>{heading}</h2>
      <ul>
        {entries.map((one) => {
          const measured = measuredText(one);
          return (
            <li key={one.number}>
              {remedyText(one)}
              {measured !== undefined && <span className="dim"> {measured}</span>}
              {(one.remedy?.apply ?? []).map((sql) => (
                <code key={sql} className="say">
                  {sql}
                </code>
              ))}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Decisions({ entries }: { entries: LedgerEntry[] }) {
  if (entries.length === 0) return null;
  return (
    <section>
      <h2>Decisions</h2>
      {entries.map((one) => (
        <section key={one.number}>
          <h3>{one.title}</h3>
          <p className="dim">
            {dayText(one.unix_ms)}
            {one.by !== '' && `, ${one.by}`}
          </p>
          {paragraphs(one.text).map((part, place) => (
            <p key={place}>{part}</p>
          ))}
        </section>
      ))}
    </section>
  );
}

function Runs({ entries }: { entries: LedgerEntry[] }) {
  if (entries.length === 0) return null;
  return (
    <section>
      <h2>Runs</h2>
      <table className="rows">
        <Heads
          columns={[['when'], ['what'], ['requests', 'n p2'], ['failed', 'n p2'], ['figures']]}
        />
        <tbody>
          {entries.map((one) => (
            <tr key={one.number}>
              <td>{dayText(one.unix_ms)}</td>
              <td className="what">{runText(one)}</td>
              <td className="n p2">{digits(one.run?.requests ?? 0)}</td>
              <td className="n p2">{digits(one.run?.failed ?? 0)}</td>
              <td>{figuresText(one)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
