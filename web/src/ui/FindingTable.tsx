/** Findings as a table, wherever they are listed. */
import type { Finding, FindingProgress } from '../api/types';
import { duration, grouped } from '../lib/format';
import { ofDatabase, risky, wasted } from '../lib/impact';
import { progressOf } from '../lib/progress';
import { openRow, to } from '../lib/route';
import { Breaks } from './Breaks';
import { Heads } from './Heads';
import { Level } from './Level';
import { Link } from './Link';
import { Change, Days, Hours } from './Num';
import { State } from './State';

interface TableProps {
  findings: Finding[];
  /** Where they stand, as far as that is known. */
  progress?: FindingProgress[];
  /** All are of one endpoint, which then is not said again. */
  short?: boolean;
  /** The finding that is pointed at, and how to point at one. */
  here?: string | undefined;
  point?: (id: string | undefined) => void;
}

/** Findings in the order given; used wherever findings are listed. */
export function FindingTable({ findings, progress = [], short, here, point }: TableProps) {
  const most = Math.max(...findings.map(wasted), 1e-9);
  return (
    <table className="rows findings">
      <Heads
        columns={[
          ['level'],
          [short ? 'claim' : 'where and what'],
          ['fault', 'p3'],
          ['wasted', 'n'],
          ['queries', 'n p2'],
          ['p95', 'n p2'],
          ['effort', 'n p4'],
          [<span className="hidden">share of the worst</span>, 'p4 impact'],
        ]}
      />
      <tbody>
        {findings.map((finding) => (
          <Row
            key={finding.id}
            finding={finding}
            progress={progressOf(progress, finding.id)}
            most={most}
            short={short ?? false}
            here={finding.id === here}
            point={point}
          />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  finding: Finding;
  progress: FindingProgress | undefined;
  most: number;
  short: boolean;
  here: boolean;
  point: TableProps['point'];
}

function Row({ finding, progress, most, short, here, point }: RowProps) {
  const href = to(`/findings/${finding.id}`);
  const hours = wasted(finding);
  return (
    <tr
      className={here ? 'here' : undefined}
      onClick={(event) => openRow(event.target, href)}
      onPointerEnter={() => point?.(finding.id)}
      onPointerLeave={() => point?.(undefined)}
      onFocus={() => point?.(finding.id)}
      onBlur={() => point?.(undefined)}
    >
      <td>
        <Level level={finding.level} />
      </td>
      <td className="what">
        <Link to={href} data-row>
          {!short && (
            <span className="op">
              <Breaks text={finding.operation} />
            </span>
          )}
          {!short && <span className="dim service">{finding.service}</span>}
          <span className="say">
            <Breaks text={finding.claim} />
          </span>
        </Link>
        {progress !== undefined && progress.state !== 'new' && <State state={progress.state} />}
        {progress !== undefined && progress.assignee !== '' && (
          <span className="dim who">{progress.assignee}</span>
        )}
      </td>
      <td className="p3">
        <span className="tag">{finding.fault}</span>
      </td>
      <td className="n strong">
        <Wasted finding={finding} />
      </td>
      <td className="n p2">
        <Queries finding={finding} />
      </td>
      <td className="n p2">
        <Times finding={finding} />
      </td>
      <td className="n p4">
        <Days count={finding.effort_days} />
      </td>
      <td className="p4 impact" aria-hidden="true">
        <span className="meter">
          <span style={{ width: `${Math.max(1, (hours / most) * 100)}%` }} />
        </span>
      </td>
    </tr>
  );
}

/** What a finding costs a day, and whose time that is; what costs none may be a risk. */
export function Wasted({ finding }: { finding: Finding }) {
  if (wasted(finding) <= 0) {
    return (
      <span className="dim">
        –
        {risky(finding) && (
          <small
            className="whose"
            title="it costs no hours so far; its level is how bad it may get"
          >
            {' '}
            risk
          </small>
        )}
      </span>
    );
  }
  return (
    <>
      <Hours hours={wasted(finding)} />
      {ofDatabase(finding) ? (
        <small className="whose" title="time that the database works in vain">
          {' '}
          database
        </small>
      ) : (
        <small className="whose" title="time that users wait in vain">
          {' '}
          users
        </small>
      )}
    </>
  );
}

/** Now and after; nothing where it is not about how long something takes. */
function Times({ finding }: { finding: Finding }) {
  const { duration_now_micros: now, duration_after_micros: after } = finding;
  if (now === 0 && after === 0) return <span className="dim">–</span>;
  return <Change now={duration(now)} after={duration(after)} />;
}

/** Statements of the request, or calls where the fault is not about statements. */
function Queries({ finding }: { finding: Finding }) {
  const { statements_now: now, statements_after: after } = finding;
  if (now !== after) {
    return (
      <Change
        now={{ value: grouped(now), unit: '' }}
        after={{ value: grouped(after), unit: 'q' }}
      />
    );
  }
  if (finding.calls_now !== finding.calls_after) {
    return (
      <Change
        now={{ value: grouped(finding.calls_now), unit: '' }}
        after={{ value: grouped(finding.calls_after), unit: 'calls' }}
      />
    );
  }
  return <span className="dim">–</span>;
}
