/** Where the finding stands, who has it, and what happened; said here, kept in the ledger. */
import { useState, type SubmitEvent } from 'react';

import { path, post } from '../../api/use';
import type {
  FindingEvent,
  FindingNote,
  FindingProgress,
  FindingState,
  Problem,
} from '../../api/types';
import { ago, clock, full, sentence } from '../../lib/format';
import { nextStates, STATES, stateWords } from '../../lib/progress';
import { State } from '../../ui/State';

type Say = (note: FindingNote) => Promise<boolean>;

export function Progress({ progress }: { progress: FindingProgress }) {
  const [problem, setProblem] = useState<Problem>();
  const [wanted, setWanted] = useState<FindingState>();
  const say: Say = async (note) => {
    const answer = await post<FindingProgress>(path(`findings/${progress.id}/notes`), note);
    setProblem(answer.problem);
    if (answer.problem === undefined) setWanted(undefined);
    return answer.problem === undefined;
  };
  return (
    <section className="progress" aria-label="Where it stands">
      <p className="stands">
        <State state={progress.state} />
        {progress.since_unix_ms != null && (
          <span className="dim" title={full(progress.since_unix_ms)}>
            since {ago(progress.since_unix_ms)}
          </span>
        )}
      </p>
      {progress.reason !== '' && <p className="dim">{sentence(progress.reason)}</p>}
      <p className="moves">
        {nextStates(progress.state).map((state) => (
          <button
            key={state}
            type="button"
            className="copy"
            aria-expanded={state === wanted ? true : undefined}
            onClick={() => {
              if (state === 'dismissed') setWanted(state);
              else void say({ state });
            }}
          >
            {STATES.find((known) => known.state === state)?.does}
          </button>
        ))}
      </p>
      {wanted !== undefined && <Reason state={wanted} say={say} />}
      <Assignee key={progress.assignee} assignee={progress.assignee} say={say} />
      {problem !== undefined && (
        <p className="broken" role="alert">
          {sentence(problem.detail)} {sentence(problem.hint)}
        </p>
      )}
      <History events={progress.history} />
      <Remark say={say} />
    </section>
  );
}

/** Why it is left as it is: the next one who finds it will ask. */
function Reason({ state, say }: { state: FindingState; say: Say }) {
  return (
    <form onSubmit={(event) => submit(event, (text) => void say({ state, reason: text }))}>
      <label>
        <span>Why is it {stateWords(state)}?</span>
        <textarea
          name="text"
          required
          maxLength={2000}
          rows={2}
          autoFocus
          placeholder="It runs once a year."
        />
      </label>
      <button type="submit" className="copy">
        Note it
      </button>
    </form>
  );
}

function Assignee({ assignee, say }: { assignee: string; say: Say }) {
  return (
    <form
      className="assignee"
      onSubmit={(event) => submit(event, (text) => void say({ assignee: text }), true)}
    >
      <label>
        <span className="dim">who has it</span>
        <input
          type="text"
          name="text"
          maxLength={200}
          defaultValue={assignee}
          placeholder="nobody"
          autoComplete="off"
        />
      </label>
      <button type="submit" className="copy">
        Set
      </button>
    </form>
  );
}

function Remark({ say }: { say: Say }) {
  const [round, setRound] = useState(0);
  return (
    <details key={round} className="remark">
      <summary>Add a remark</summary>
      <form
        onSubmit={(event) =>
          submit(event, (text) => {
            void say({ remark: text }).then((noted) => {
              if (noted) setRound(round + 1);
            });
          })
        }
      >
        <label>
          <span className="hidden">Remark</span>
          <textarea name="text" required maxLength={2000} rows={2} />
        </label>
        <button type="submit" className="copy">
          Note it
        </button>
      </form>
    </details>
  );
}

function submit(event: SubmitEvent<HTMLFormElement>, done: (text: string) => void, empty = false) {
  event.preventDefault();
  const text = new FormData(event.currentTarget).get('text');
  if (typeof text === 'string' && (empty || text.trim() !== '')) done(text.trim());
}

function History({ events }: { events: FindingEvent[] }) {
  if (events.length === 0) return null;
  return (
    <>
      <h2>History</h2>
      <ol className="history">
        {events.toReversed().map((event, place) => (
          <li key={`${event.unix_ms} ${place}`}>
            <time className="dim" title={full(event.unix_ms)}>
              {clock(event.unix_ms)}
            </time>{' '}
            <Happened event={event} />
          </li>
        ))}
      </ol>
    </>
  );
}

function Happened({ event }: { event: FindingEvent }) {
  if (event.state != null) {
    return (
      <>
        {stateWords(event.state)}
        {event.words !== '' && <>: {event.words}</>}
      </>
    );
  }
  if (event.assignee != null) {
    return event.assignee === '' ? <>nobody has it</> : <>{event.assignee} has it</>;
  }
  if (event.remedy != null) {
    return (
      <>
        remedy {event.remedy}: {event.words}
      </>
    );
  }
  return <q>{event.words}</q>;
}
