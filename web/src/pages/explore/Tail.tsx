/** Spans as they come: the latest that pass the filter, twice a second at most however many there are, until it is held. */
import { useState } from 'react';

import { path, useApi } from '../../api/use';
import type { SpanList } from '../../api/types';
import { grouped } from '../../lib/format';
import { Problem, Waiting } from '../../ui/Empty';
import type { Question } from './ExplorePage';
import { SpanTable } from './Rows';

/** Spans in view; more come and go faster than anybody reads. */
const SHOWN = 100;

export function Tail({ question }: { question: Question }) {
  const [held, setHeld] = useState<SpanList>();
  const url = path('spans', {
    last: '5m',
    where: question.where,
    order: 'latest',
    limit: String(SHOWN),
  });
  const { data, problem } = useApi<SpanList>(held === undefined ? url : undefined);
  const shown = held ?? data;
  if (problem !== undefined) return <Problem part problem={problem} />;
  if (shown === undefined) return <Waiting />;
  return (
    <>
      <p className="choices">
        <button
          type="button"
          className="copy"
          aria-pressed={held !== undefined}
          onClick={() => setHeld(held === undefined ? shown : undefined)}
        >
          {held === undefined ? 'Hold it' : 'Go on'}
        </button>
        <span className="dim">
          {held === undefined
            ? `the latest ${grouped(shown.spans.length)} of the last 5 min, as they come`
            : 'held'}
        </span>
      </p>
      {shown.spans.length === 0 ? (
        <p className="nothing">
          Nothing like that came in the last five minutes. Leave this open: it shows what comes.
        </p>
      ) : (
        <SpanTable spans={shown.spans} />
      )}
    </>
  );
}
