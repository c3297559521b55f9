/** Beside the argument: where, since when, how often, and traces that show it. */
import type { Finding, FindingProgress } from '../../api/types';
import { ago, clock, full, grouped, percent } from '../../lib/format';
import { databaseOf } from '../../lib/impact';
import { to } from '../../lib/route';
import { CopyButton } from '../../ui/Copy';
import { Link } from '../../ui/Link';
import { Duration } from '../../ui/Num';
import { Progress } from './Progress';

interface AsideProps {
  finding: Finding;
  /** The page of what it is about. */
  href: string;
  progress: FindingProgress;
}

export function Aside({ finding, href, progress }: AsideProps) {
  const { code } = finding.evidence;
  const share = percent(finding.sightings / Math.max(1, finding.requests));
  return (
    <aside aria-label="Where and when">
      <Progress progress={progress} />
      <dl className="facts">
        <dt>service</dt>
        <dd>{finding.service}</dd>
        <dt>{databaseOf(finding) === undefined ? 'endpoint' : 'where'}</dt>
        <dd>
          <Link to={href}>{finding.operation}</Link>
        </dd>
        {code != null && (
          <>
            <dt>code</dt>
            <dd>
              <code className="place">{place(code)}</code>
              {code.function !== '' && <code className="place dim">{code.function}</code>}
              <CopyButton text={place(code)} what="Copy place" />
            </dd>
          </>
        )}
        <dt>seen</dt>
        <dd title={full(finding.first_seen_unix_ms)}>since {clock(finding.first_seen_unix_ms)}</dd>
        <dd title={full(finding.last_seen_unix_ms)}>last {ago(finding.last_seen_unix_ms)}</dd>
        {finding.requests > 0 && (
          <>
            <dt>requests at fault</dt>
            <dd>
              {grouped(finding.sightings)} of {grouped(finding.requests)}{' '}
              <span className="dim">
                {share.value}
                {'\u2009%'}
              </span>
            </dd>
          </>
        )}
      </dl>
      {finding.examples.length > 0 && <h2>Traces that show it</h2>}
      <ul className="examples">
        {finding.examples.map((example) => (
          <li key={example.span_id}>
            <Link
              to={to(`/traces/${example.trace_id}`, { span: example.span_id })}
              data-row
              title={example.trace_id}
            >
              <Duration micros={example.duration_micros} />
              <span className="dim">{clock(example.start_unix_ms)}</span>
              <span className="dim">
                <Duration micros={example.saved_micros} /> to save
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </aside>
  );
}

function place(code: { file: string; line: number; function: string }): string {
  if (code.file === '') return code.function;
  return code.line > 0 ? `${code.file}:${code.line}` : code.file;
}
