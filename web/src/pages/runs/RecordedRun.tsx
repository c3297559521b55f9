/** A run that was recorded: the result as its command wrote it, or, where that is not kept any more, its figures. */
import type { ReactNode } from 'react';

import { path, useApi } from '../../api/use';
import type { LedgerEntry } from '../../api/types';
import { clock, full } from '../../lib/format';
import { resultUrl, useResult } from '../../lib/result';
import { to } from '../../lib/route';
import { runKindWords } from '../../lib/runs';
import { Breaks } from '../../ui/Breaks';
import { Problem, Waiting } from '../../ui/Empty';
import { Link } from '../../ui/Link';
import { EntryDetail } from '../../ui/EntryDetail';
import { ResultView } from './ResultView';
import { TwoRecorded } from './TwoRecorded';

export function RecordedRun({ number, button }: { number: string; button: ReactNode }) {
  const { data, problem } = useApi<LedgerEntry>(path(`runs/${encodeURIComponent(number)}`), false);
  if (problem !== undefined)
    return (
      <>
        <Problem problem={problem} />
        <p>
          <Link to={to('/runs')}>All runs</Link>
        </p>
      </>
    );
  if (data === undefined) return <Waiting />;
  return (
    <>
      <p>
        <Link to={to('/runs')}>All runs</Link>{' '}
        <span className="dim">
          {runKindWords(data)} {data.number},{' '}
          <time title={full(data.unix_ms)}>{clock(data.unix_ms)}</time>
          {data.by !== '' && <>, {data.by}</>}
        </span>{' '}
        {data.finding != null && (
          <Link to={to('/ledger', { finding: data.finding })}>
            of finding {data.finding.slice(0, 8)}
          </Link>
        )}{' '}
        {data.result_bytes != null && (
          <a href={resultUrl(number)} download={`taut-run-${number}.json`}>
            Save it
          </a>
        )}{' '}
        {button}
      </p>
      {data.result_bytes == null ? <InShort run={data} why="" /> : <Whole run={data} />}
    </>
  );
}

function Whole({ run }: { run: LedgerEntry }) {
  const { told, problem } = useResult(`${run.number}`);
  if (problem !== undefined) return <InShort run={run} why={problem.detail} />;
  if (told === undefined) return <Waiting />;
  if (typeof told === 'string') return <InShort run={run} why={told} />;
  if (told.kind === 'run') return <TwoRecorded run={run} told={told} />;
  return <ResultView told={told} />;
}

/** What the ledger says of it, where the result is not kept or cannot be shown. */
function InShort({ run, why }: { run: LedgerEntry; why: string }) {
  return (
    <section>
      <div className="claim">
        <h1>
          <Breaks text={run.title} />
        </h1>
        {run.proof != null && <p>{run.proof.verdict}</p>}
      </div>
      <EntryDetail entry={run} />
      <p className="dim">
        {why === ''
          ? 'Of this one only the figures are kept: its result was too long, or went as newer ones came.'
          : `Its result cannot be shown: ${why}`}
      </p>
    </section>
  );
}
