/** Requests, each a way into its trace. */
import type { Request } from '../api/types';
import { clock, full, grouped } from '../lib/format';
import { openRow, to } from '../lib/route';
import { Breaks } from './Breaks';
import { Heads } from './Heads';
import { KindBar, KindKey } from './Kinds';
import { Link } from './Link';
import { Duration } from './Num';

/** `plain` where all are of one endpoint, which then is not said again. */
export function RequestTable({ requests, plain }: { requests: Request[]; plain?: boolean }) {
  const most = Math.max(...requests.map((request) => request.duration_micros), 1e-9);
  return (
    <>
      <KindKey of={requests.map((request) => request.breakdown)} className="p2" />
      <table className={plain ? 'rows requests plain' : 'rows requests'}>
        <Heads
          columns={[
            [plain ? 'when' : 'endpoint'],
            ['time', 'n'],
            ['queries', 'n p2'],
            ['spans', 'n p3'],
            ['status', 'n p2'],
            ['time by kind', 'p2 by-kind'],
            [plain ? 'trace' : 'when', 'p3'],
          ]}
        />
        <tbody>
          {requests.map((request) => (
            <Row
              key={request.trace_id + request.span_id}
              request={request}
              most={most}
              plain={plain ?? false}
            />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Row({ request, most, plain }: { request: Request; most: number; plain: boolean }) {
  const href = to(`/traces/${request.trace_id}`);
  const when = <time title={full(request.start_unix_ms)}>{clock(request.start_unix_ms)}</time>;
  return (
    <tr onClick={(event) => openRow(event.target, href)}>
      <td className="what">
        <Link to={href} data-row>
          {plain ? (
            when
          ) : (
            <span className="op">
              <Breaks text={request.operation} />
            </span>
          )}
        </Link>
        {!plain && <span className="dim service">{request.service}</span>}
      </td>
      <td className="n strong">
        <Duration micros={request.duration_micros} />
      </td>
      <td className="n p2">{grouped(request.statements)}</td>
      <td className="n p3">{grouped(request.spans)}</td>
      <td className={`n p2 ${request.failed ? 'broken' : 'dim'}`}>
        {request.status > 0 ? request.status : request.failed ? 'failed' : '–'}
      </td>
      <td className="p2">
        {/* As long as the request took, of the longest. */}
        <div style={{ width: `${(request.duration_micros / most) * 100}%` }}>
          <KindBar breakdown={request.breakdown} />
        </div>
      </td>
      <td className="p3 dim">
        {plain ? <code title={request.trace_id}>{request.trace_id.slice(0, 8)}</code> : when}
      </td>
    </tr>
  );
}
