/** Log records of a trace, in order of time, each beside the span during which it was written. */
import type { Trace, TraceLogs } from '../../api/types';
import { full, plural } from '../../lib/format';
import { message, offset } from '../../lib/logs';
import { Empty } from '../../ui/Empty';
import { Heads } from '../../ui/Heads';
import { LogSetup } from '../../ui/LogSetup';
import { useMore } from '../../ui/More';
import { Severity } from '../../ui/Severity';

interface Props {
  trace: Trace;
  logs: TraceLogs;
  select: (spanId: string) => void;
}

export function Logs({ trace, logs, select }: Props) {
  const { shown, more } = useMore(logs.logs.length);
  if (logs.logs.length === 0) {
    return (
      <Empty part title="No log record came with this trace">
        <p>Records are tied to traces by the ids that the logger adds to them.</p>
        <LogSetup />
      </Empty>
    );
  }
  const labels = new Map(trace.nodes.map((node) => [node.span_id, node.label]));
  return (
    <>
      <table className="rows logs">
        <Heads columns={[['after', 'n'], ['severity'], ['what it says'], ['during', 'p2']]} />
        <tbody>
          {logs.logs.slice(0, shown).map((log, place) => (
            <tr key={`${log.unix_micros} ${place}`}>
              <td className="n" title={full(log.unix_micros / 1000)}>
                {offset(log, trace.start_unix_micros)}
              </td>
              <td>
                <Severity log={log} />
              </td>
              <td className="message">{message(log)}</td>
              <td className="p2 during">
                {log.span_id != null && labels.has(log.span_id) ? (
                  <button type="button" className="link" onClick={() => select(log.span_id ?? '')}>
                    {labels.get(log.span_id)}
                  </button>
                ) : (
                  <span className="dim">{log.service}</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {more}
      {logs.left_out > 0 && (
        <p className="dim">{plural(logs.left_out, 'more record')} came later.</p>
      )}
    </>
  );
}
