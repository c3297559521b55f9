/** A recorded run of load beside another one: which, is in the address. */
import { path, useApi } from '../../api/use';
import type { LedgerEntry, Runs } from '../../api/types';
import type { Run } from '../../lib/proof';
import { clock } from '../../lib/format';
import { useResult } from '../../lib/result';
import { useParam } from '../../lib/route';
import { RunView, TwoRuns } from './RunView';

export function TwoRecorded({ run, told }: { run: LedgerEntry; told: Run }) {
  const [other, setOther] = useParam('with');
  const { data } = useApi<Runs>(path('runs', { kind: 'load' }), false);
  const { told: second, problem } = useResult(other === '' ? undefined : other);
  const others = (data?.runs ?? []).filter(
    (one) => one.result_bytes != null && one.number !== run.number,
  );
  // An address may name one that is older than those that are listed.
  const isListed = other === '' || others.some((one) => `${one.number}` === other);
  const both =
    typeof second === 'object' && second.kind === 'run'
      ? [
          { number: run.number, told },
          { number: Number(other), told: second },
        ].sort((left, right) => left.number - right.number)
      : undefined;
  return (
    <>
      {(others.length > 0 || !isListed) && (
        <div className="filters">
          <label className="filter">
            <span className="hidden">Beside another run</span>
            <select value={other} onChange={(event) => setOther(event.target.value)}>
              <option value="">beside another run …</option>
              {!isListed && <option value={other}>run {other}</option>}
              {others.map((one) => (
                <option key={one.number} value={one.number}>
                  {one.number}, {clock(one.unix_ms)}: {one.title.slice(0, 80)}
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      {(second !== undefined || problem !== undefined) && both === undefined && (
        <p className="dim">Run {other} is none of load, or its result is not kept.</p>
      )}
      {both === undefined ? (
        <RunView run={told} />
      ) : (
        <TwoRuns
          runs={both.map((one) => one.told)}
          names={both.map((one) => `run ${one.number}`)}
        />
      )}
    </>
  );
}
