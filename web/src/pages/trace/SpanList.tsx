/** The spans of a trace grouped by service and by what they did; sorted by count, an N+1 stands on top. */
import { useMemo } from 'react';

import { shareText } from '../../lib/amount';
import type { FullTrace } from '../../lib/columns';
import { grouped, plural } from '../../lib/format';
import { useTyped } from '../../lib/held';
import { setParams } from '../../lib/route';
import { sortedBy, spanGroups, type SortKey, type SpanGroup } from '../../lib/spanlist';
import { Duration } from '../../ui/Num';
import { ROWS_MAX, SortHeads, SortRest, useSort, type SortColumn } from '../../ui/Sorted';

const COLUMNS: SortColumn<SortKey>[] = [
  { key: 'count', words: 'count', className: 'n' },
  { key: 'mean', words: 'mean', className: 'n p2' },
  { key: 'max', words: 'longest', className: 'n p3' },
  { key: 'execution', words: 'execution', className: 'n' },
];

export function SpanList({ trace }: { trace: FullTrace }) {
  const [text, setText] = useTyped('find');
  const by = useSort(COLUMNS, 'execution');
  const groups = useMemo(() => spanGroups(trace), [trace]);
  const wanted = text.toLowerCase();
  const rows = useMemo(
    () =>
      sortedBy(groups, by).filter(
        (group) =>
          wanted === '' ||
          group.label.toLowerCase().includes(wanted) ||
          group.service.toLowerCase().includes(wanted),
      ),
    [groups, by, wanted],
  );
  const all = groups.reduce((sum, group) => sum + group.execution_micros, 0);
  const most = Math.max(...rows.map((group) => group.execution_micros), 1e-9);
  return (
    <>
      <div className="flame-bar">
        <label className="filter search">
          <span className="hidden">name or service</span>
          <input
            type="search"
            placeholder="/ name or service"
            maxLength={200}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <span className="dim">
          {plural(trace.nodes.length, 'span')} of {plural(groups.length, 'kind')}. Execution is time
          in spans themselves while somebody waited; it adds up to the trace.
        </span>
      </div>
      <table className="rows span-list">
        <thead>
          <tr>
            <th scope="col">what was done</th>
            <SortHeads columns={COLUMNS} by={by} first="execution" />
            <th scope="col" className="n">
              share
            </th>
            <th scope="col" className="p3 impact">
              <span className="hidden">share of the largest</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS_MAX).map((group) => (
            <Row
              key={`${group.service} ${group.kind} ${group.label}`}
              trace={trace}
              group={group}
              all={all}
              most={most}
            />
          ))}
        </tbody>
      </table>
      <SortRest count={rows.length} what="kind" of="span" />
    </>
  );
}

interface RowProps {
  trace: FullTrace;
  group: SpanGroup;
  all: number;
  most: number;
}

function Row({ trace, group, all, most }: RowProps) {
  const show = () =>
    setParams({ tab: '', find: '', span: trace.nodes[group.first]?.span_id ?? '' }, 'push');
  return (
    <tr>
      <td className="what">
        <button
          type="button"
          className="link"
          data-row
          onClick={show}
          title="Show the first of them"
        >
          <i className={`swatch kind-${group.kind}`} aria-hidden="true" /> {group.label}
        </button>{' '}
        <span className="dim service">{group.service}</span>
        {group.failed > 0 && <span className="badge broken">{grouped(group.failed)} failed</span>}
      </td>
      <td className="n strong">{grouped(group.count)}</td>
      <td className="n p2">
        <Duration micros={group.total_micros / Math.max(1, group.count)} />
      </td>
      <td className="n p3">
        <Duration micros={group.max_micros} />
      </td>
      <td className="n strong">
        <Duration micros={group.execution_micros} />
      </td>
      <td className="n">{shareText(group.execution_micros, all)}</td>
      <td className="p3 impact" aria-hidden="true">
        <span className="meter">
          <span
            className={`kind-${group.kind}`}
            style={{ width: `${Math.max(1, (group.execution_micros / most) * 100)}%` }}
          />
        </span>
      </td>
    </tr>
  );
}
