/** The process behind the pages, and what it can find. */
import { useState } from 'react';

import { path, useApi } from '../../api/use';
import type { Detectors, Status } from '../../api/types';
import { plain, sections } from '../../lib/doc';
import { bytes, grouped } from '../../lib/format';
import { Problem, Waiting } from '../../ui/Empty';
import { Num } from '../../ui/Num';
import { Setup } from '../../ui/Setup';

export function StatusPage() {
  const { data, problem } = useApi<Status>(path('status'));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  return (
    <>
      <div className="claim">
        <h1>What taut receives and keeps</h1>
        <p>
          Version {data.version}.{' '}
          {data.accepted_spans != null && (
            <>
              <strong>{grouped(data.accepted_spans)}</strong> spans came since it started.
            </>
          )}
        </p>
      </div>
      <Counters status={data} />
      <section>
        <h2>Send traces here</h2>
        <Setup />
      </section>
      <Faults />
    </>
  );
}

function Counters({ status }: { status: Status }) {
  const rows: [string, string | undefined | null][] = [
    ['OTLP over HTTP', status.otlp_http],
    ['OTLP over gRPC', status.otlp_grpc],
    ['exports answered', status.accepted_exports == null ? null : grouped(status.accepted_exports)],
    ['exports refused', status.refused_exports == null ? null : grouped(status.refused_exports)],
    ['spans refused', status.rejected_spans == null ? null : grouped(status.rejected_spans)],
  ];
  return (
    <dl className="facts wide">
      {rows.map(([name, value]) =>
        value == null ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
      {status.store_bytes != null && (
        <div>
          <dt>on disk</dt>
          <dd>
            <Num of={bytes(status.store_bytes)} />
          </dd>
        </div>
      )}
      <div>
        <dt>API</dt>
        <dd>
          <a href="/api/v1/openapi.json">openapi.json</a>
        </dd>
      </div>
    </dl>
  );
}

function Faults() {
  const { data } = useApi<Detectors>(path('detectors'), false);
  const [open, setOpen] = useState<string>();
  if (data === undefined || data.detectors.length === 0) return null;
  return (
    <section>
      <h2>What it can find</h2>
      <ul className="faults">
        {data.detectors.map((detector) => (
          <li key={detector.code}>
            <button
              type="button"
              aria-expanded={open === detector.name}
              onClick={() => setOpen(open === detector.name ? undefined : detector.name)}
            >
              <span className="dim">{detector.code}</span>
              <span className="tag">{detector.name}</span>
              <span>{detector.title}</span>
            </button>
            {open === detector.name && <Page doc={detector.doc} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Page({ doc }: { doc: string }) {
  return (
    <div className="page prose">
      {sections(doc)
        .filter((part) => part.text !== '')
        .map((part) => (
          <div key={part.title}>
            <h3>{part.title}</h3>
            {part.text.split(/\n\s*\n/).map((paragraph) => (
              <p key={paragraph}>{plain(paragraph)}</p>
            ))}
          </div>
        ))}
    </div>
  );
}
