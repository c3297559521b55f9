/** What an entry of the ledger says beyond its title. */
import type { LedgerEntry, LedgerProof, LedgerRemedy, LedgerRun } from '../api/types';
import { clock, digits, full, plural } from '../lib/format';
import { intervalText, measureText, paragraphs } from '../lib/ledger';
import { Code } from './Copy';
import { Heads } from './Heads';

export function EntryDetail({ entry }: { entry: LedgerEntry }) {
  return (
    <>
      {entry.by !== '' && (
        <p className="dim">
          {entry.kind === 'decision' ? 'decided by' : 'by'} {entry.by}
        </p>
      )}
      {paragraphs(entry.text).map((part, place) => (
        <p key={place}>{part}</p>
      ))}
      {entry.remedy != null && <Remedy remedy={entry.remedy} />}
      {entry.proof != null && <Proof proof={entry.proof} />}
      {entry.run != null && <Run run={entry.run} />}
    </>
  );
}

function Remedy({ remedy }: { remedy: LedgerRemedy }) {
  return (
    <>
      <p className="dim">
        {remedy.by_hand ? 'changed by hand' : 'changed by Taut'}
        {remedy.fault !== '' && <>, for {remedy.fault}</>}
        {remedy.place !== '' && <>, at {remedy.place}</>}
        {remedy.reason !== '' && (
          <>
            ; {remedy.state === 'reverted' && 'taken back: '}
            {remedy.reason}
          </>
        )}
      </p>
      {remedy.measured != null && (
        <p>
          <span className="dim">{full(remedy.measured.unix_ms)}</span> {remedy.measured.claim}
        </p>
      )}
      {remedy.apply.length > 0 && <Code label="SQL" text={`${remedy.apply.join(';\n')};`} />}
      <details>
        <summary>{plural(remedy.history.length, 'step')}</summary>
        <ol className="history">
          {remedy.history.map((step, place) => (
            <li key={place}>
              <time className="dim" title={full(step.unix_ms)}>
                {clock(step.unix_ms)}
              </time>{' '}
              {step.what}
            </li>
          ))}
        </ol>
      </details>
    </>
  );
}

function Proof({ proof }: { proof: LedgerProof }) {
  return (
    <>
      <table className="rows proof-rows">
        <Heads columns={[['measure'], ['before', 'n p2'], ['after', 'n'], ['change', 'n']]} />
        <tbody>
          {proof.rows.map((row) => (
            <tr key={row.name}>
              <td>{row.decides ? <b>{row.name}</b> : row.name}</td>
              <td className="n p2">{measureText(row.before, row.unit)}</td>
              <td className="n">{measureText(row.after, row.unit)}</td>
              <td className="n">{intervalText(row)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="dim">
        {plural(proof.before, 'request')} before, {digits(proof.after)} after
      </p>
      {proof.notes.length > 0 && (
        <ul className="notes">
          {proof.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function Run({ run }: { run: LedgerRun }) {
  return (
    <>
      {run.verdict !== '' && <p>{run.verdict}</p>}
      <p className="dim">
        {plural(run.requests, 'request')}, {digits(run.failed)} failed, in {digits(run.seconds)} s
        {run.figures.map((one) => (
          <span key={one.name}>
            ; {one.name} {measureText(one.value, one.unit)}
          </span>
        ))}
      </p>
    </>
  );
}
