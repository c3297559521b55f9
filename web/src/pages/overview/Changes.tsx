/** What is otherwise than in the window before: endpoints that moved by more than chance, then findings that are new. */
import type { ChangedEndpoint, ChangeKind, Finding, Findings, Overview } from '../../api/types';
import { duration, percent, plural, rate } from '../../lib/format';
import { to } from '../../lib/route';
import { comparedWindow } from '../../lib/time';
import { Breaks } from '../../ui/Breaks';
import { Wasted } from '../../ui/FindingTable';
import { Level } from '../../ui/Level';
import { Link } from '../../ui/Link';
import { Change, Num } from '../../ui/Num';
import { news } from './news';

const NEW_SHOWN = 5;

const WORDS: Record<ChangeKind, { sign: string; words: string; bad: boolean }> = {
  failing: { sign: '▲', words: 'fails more often', bad: true },
  slower: { sign: '▲', words: 'takes longer', bad: true },
  new: { sign: '+', words: 'is new', bad: false },
  gone: { sign: '−', words: 'is requested no more', bad: false },
  quicker: { sign: '▼', words: 'is quicker', bad: false },
  mended: { sign: '▼', words: 'fails less often', bad: false },
  busier: { sign: '▲', words: 'has more traffic', bad: false },
  quieter: { sign: '▼', words: 'has less traffic', bad: false },
};

interface ChangesProps {
  data: Overview;
  findings: Findings | undefined;
  /** So many findings are listed above. */
  listed: number;
}

export function Changes({ data, findings, listed }: ChangesProps) {
  const { above, others } = news(findings?.findings ?? [], data.before.to_unix_ms, listed);
  if (data.changes.length === 0 && above === 0 && others.length === 0) {
    return (
      <p className="dim">
        No endpoint moved by more than chance{findings !== undefined && ', and no finding is new'}.
        Choose a longer time to look at slower changes.
      </p>
    );
  }
  return (
    <ul className="changes">
      {data.changes.map((one) => (
        <Row
          key={`${one.service} ${one.operation}`}
          one={one}
          compare={comparedWindow(data.window, data.before)}
        />
      ))}
      {others.slice(0, NEW_SHOWN).map((one) => (
        <NewFinding key={one.id} one={one} />
      ))}
      {others.length > NEW_SHOWN && (
        <li>
          <span />
          <Link to={to('/findings')}>{plural(others.length - NEW_SHOWN, 'more new finding')}</Link>
        </li>
      )}
      {above > 0 && (
        <li>
          <span />
          <span className="dim">
            Of the findings above {above === 1 ? 'one is' : `${above} are`} new.
          </span>
        </li>
      )}
    </ul>
  );
}

function NewFinding({ one }: { one: Finding }) {
  return (
    <li>
      <Level level={one.level} />
      <span>
        New finding: <Link to={to(`/findings/${one.id}`)}>{one.claim}</Link>{' '}
        <span className="dim">
          <Breaks text={one.operation} />, {one.service}
        </span>
      </span>
      <span>
        <Wasted finding={one} />
      </span>
    </li>
  );
}

function Row({ one, compare }: { one: ChangedEndpoint; compare: string }) {
  const { sign, words, bad } = WORDS[one.how];
  const href = to('/endpoint', {
    service: one.service,
    operation: one.operation,
    compare,
  });
  return (
    <li>
      <span className={bad ? 'over turned' : 'turned'}>
        <i aria-hidden="true">{sign}</i> {words}
      </span>
      <span>
        <Link to={href} data-row>
          <Breaks text={one.operation} />
        </Link>{' '}
        <span className="dim">{one.service}</span>
      </span>
      <Figure one={one} />
    </li>
  );
}

/** The figure that moved, before and now. */
function Figure({ one: { how, before, now } }: { one: ChangedEndpoint }) {
  if (how === 'failing' || how === 'mended') {
    return (
      <Change now={percent(before?.error_share ?? 0)} after={percent(now?.error_share ?? 0)} />
    );
  }
  if (how === 'busier' || how === 'quieter') {
    return (
      <Change now={rate(before?.rate_per_second ?? 0)} after={rate(now?.rate_per_second ?? 0)} />
    );
  }
  if (how === 'new' || how === 'gone') {
    return <Num of={rate((now ?? before)?.rate_per_second ?? 0)} />;
  }
  return (
    <span>
      <small className="dim">p95</small>{' '}
      <Change
        now={duration(before?.duration.p95_micros ?? 0)}
        after={duration(now?.duration.p95_micros ?? 0)}
      />
    </span>
  );
}
