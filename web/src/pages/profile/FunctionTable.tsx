/** Functions of a profile: calls, own, cumulative and per call, sorted by whichever is asked for. */
import { useMemo } from 'react';

import type { FlameUnit, Profile, ProfileFigures, ProfileFunction } from '../../api/types';
import { amount, amountText, changeText, shareText } from '../../lib/amount';
import { relativeText } from '../../lib/difference';
import { grouped } from '../../lib/format';
import { setParams } from '../../lib/route';
import { Breaks } from '../../ui/Breaks';
import { Num } from '../../ui/Num';
import { ROWS_MAX, SortHeads, SortRest, useSort, type SortColumn } from '../../ui/Sorted';

type Key = 'own' | 'cumulative' | 'calls' | 'per';

const COLUMNS: SortColumn<Key>[] = [
  { key: 'calls', words: 'calls', className: 'n' },
  { key: 'own', words: 'own', className: 'n' },
  { key: 'cumulative', words: 'cumulative', className: 'n' },
  { key: 'per', words: 'per call', className: 'n p2' },
];

export function FunctionTable({ profile, search }: { profile: Profile; search: string }) {
  const by = useSort(COLUMNS, 'own');
  const compared = profile.totals.length === 2;
  const unit = profile.tree.unit;
  const wanted = search.toLowerCase();
  const rows = useMemo(() => {
    const size = (function_: ProfileFunction) => {
      const [before, after] = [0, 1].map((side) => value(function_.figures[side] ?? null, by));
      return compared ? Math.abs((after ?? 0) - (before ?? 0)) : (before ?? 0);
    };
    return profile.functions
      .filter(({ name, file }) => `${name}\n${file}`.toLowerCase().includes(wanted))
      .toSorted((left, right) => size(right) - size(left));
  }, [profile, by, wanted, compared]);
  const all = profile.totals.at(-1) ?? 0;
  return (
    <>
      <table className={compared ? 'rows functions compared' : 'rows functions'}>
        <thead>
          <tr>
            <th scope="col">function</th>
            <SortHeads columns={COLUMNS} by={by} first="own" />
            <th scope="col" className="n p3">
              {compared ? 'change' : 'own share'}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS_MAX).map((function_) => (
            <Row
              key={`${function_.name} ${function_.file} ${function_.line}`}
              function_={function_}
              compared={compared}
              unit={unit}
              all={all}
              by={by}
              open={
                compared
                  ? undefined
                  : () =>
                      setParams(
                        { tab: 'function', function: String(profile.functions.indexOf(function_)) },
                        'push',
                      )
              }
            />
          ))}
        </tbody>
      </table>
      <SortRest count={rows.length} what="function" />
    </>
  );
}

interface RowProps {
  function_: ProfileFunction;
  compared: boolean;
  unit: FlameUnit;
  all: number;
  by: Key;
  /** Shows it by itself. */
  open: (() => void) | undefined;
}

function Row({ function_, compared, unit, all, by, open }: RowProps) {
  const [before = null, after = null] = function_.figures;
  const cell = (key: Key) =>
    compared ? (
      <>
        {text(before, key, unit)} → {text(after, key, unit)}
      </>
    ) : (
      <Cell figures={before} of={key} unit={unit} />
    );
  const change = { before: value(before, by), after: value(after, by) };
  const more = change.after - change.before;
  return (
    <tr>
      <td className="what">
        {open === undefined ? (
          <code>
            <Breaks text={function_.name} />
          </code>
        ) : (
          <button
            type="button"
            className="link"
            data-row
            title="Who called it, what it called"
            onClick={open}
          >
            <code>
              <Breaks text={function_.name} />
            </code>
          </button>
        )}{' '}
        <span className="dim service">
          <Breaks text={`${function_.file}${function_.line > 0 ? `:${function_.line}` : ''}`} />
        </span>
      </td>
      {COLUMNS.map(({ key, className }) => (
        <td key={key} className={className}>
          {cell(key)}
        </td>
      ))}
      <td className={`n p3 ${compared && more > 0 ? 'over' : ''}`}>
        {compared ? (
          <>
            {by === 'calls' ? changeText(more, 'count') : changeText(more, unit)}{' '}
            <span className="dim">{relativeText(change)}</span>
          </>
        ) : (
          shareText(before?.own ?? 0, all)
        )}
      </td>
    </tr>
  );
}

function Cell({ figures, of, unit }: { figures: ProfileFigures | null; of: Key; unit: FlameUnit }) {
  if (figures === null) return <>–</>;
  if (of === 'calls') return <>{text(figures, of, unit)}</>;
  if (of === 'per' && figures.calls == null) return <>–</>;
  return <Num of={amount(value(figures, of), unit)} />;
}

function text(figures: ProfileFigures | null, of: Key, unit: FlameUnit): string {
  if (figures === null) return '–';
  if (of === 'calls') {
    if (figures.calls == null) return '–';
    const { calls, primitive_calls: primitive } = figures;
    return primitive != null && primitive !== calls
      ? `${grouped(calls)}/${grouped(primitive)}`
      : grouped(calls);
  }
  if (of === 'per' && figures.calls == null) return '–';
  return amountText(value(figures, of), unit);
}

function value(figures: ProfileFigures | null, of: Key): number {
  if (figures === null) return 0;
  switch (of) {
    case 'calls':
      return figures.calls ?? 0;
    case 'per':
      return figures.cumulative / Math.max(1, figures.calls ?? 1);
    default:
      return figures[of];
  }
}
