/** What is asked about; SQL only where something understands it. */
import { path, useApi } from '../../api/use';
import type { Status } from '../../api/types';
import type { Of } from '../../lib/question';
import { setParams } from '../../lib/route';

export function OfWhat({ of }: { of: Of | 'sql' }) {
  const { data: status } = useApi<Status>(path('status'), false);
  return (
    <label>
      <span>of</span>
      <select
        value={of}
        onChange={(event) =>
          setParams({
            of: event.target.value === 'spans' ? '' : event.target.value,
            where: '',
            group: '',
            show: '',
            order: '',
            selection: '',
            box: '',
            sql: '',
            tab: '',
          })
        }
      >
        <option value="spans">spans</option>
        <option value="logs">log records</option>
        <option value="metrics">points of metrics</option>
        {(status?.sql === true || of === 'sql') && <option value="sql">anything, by SQL</option>}
      </select>
    </label>
  );
}
