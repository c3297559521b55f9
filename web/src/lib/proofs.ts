/** How a finding's remedies are proven: what is done, and the command that does it. */
import type { Finding } from '../api/types';
import { ofDatabase } from './impact';

type Command = (finding: Finding) => string | undefined;

/** The last hour against the same one of yesterday, once a remedy has been out for an hour: latency, queries, errors. */
const prove: Command = ({ id, service, operation }) => {
  const told = [service, operation].map(shell);
  if (told.includes(undefined)) return undefined;
  return `taut prove 25h..24h 1h.. --service=${told[0] ?? ''} --operation=${told[1] ?? ''} --record ${id}`;
};

const check: Command = ({ id }) => `taut fix ${id} --postgres URL --check --for 10m`;

const measured: Command = (finding) => (ofDatabase(finding) ? check(finding) : prove(finding));

const rehearse: Command = (finding) =>
  ofDatabase(finding) ? `taut fix ${finding.id} --postgres URL --rehearse --clone here` : undefined;

interface Way {
  words: string;
  command?: Command;
}

const WAYS: Record<string, Way> = {
  'query-count': {
    words: 'Count the queries of the same request: they must fall as shown above.',
    command: measured,
  },
  replay: {
    words: 'Replay recorded requests: the answers must be equal byte by byte, and come sooner.',
    command: () =>
      'taut replay captures/ --target http://localhost:8001 --against http://localhost:8000',
  },
  'critical-path': {
    words: 'Look at the critical path of a new trace: these calls must be gone from it.',
  },
  simulation: { words: 'Simulate it on recorded traffic.' },
  load: {
    words: 'Put the same load on it, before and after: it must be served with less.',
    command: () => 'taut load URL --rate 50 --for 1m --out before.json',
  },
  'what-if': {
    words: 'Ask the database for the plan that it would use.',
    command: ({ id, advice }) =>
      advice.some((one) => one.change != null) ? `taut fix ${id} --postgres URL` : undefined,
  },
  rehearsal: {
    words: 'Run the statement both ways on a copy: same rows, less cost.',
    command: rehearse,
  },
  'before-after': {
    words: 'Compare the same hours before and after: the interval must lie below zero.',
    command: measured,
  },
  bytes: { words: 'Compare the bytes of the answers.' },
  'fault-injection': { words: 'Make the dependency fail, and watch the callers.' },
};

/** The ways by which the remedies of a finding are proven, each once, and each command once. */
export function proofsOf(finding: Finding): { words: string; command?: string }[] {
  const names = new Set(finding.advice.flatMap((advice) => advice.proofs));
  const told = new Set<string>();
  return [...names].map((name) => {
    const way = WAYS[name];
    const command = way?.command?.(finding);
    if (command === undefined || told.has(command)) return { words: way?.words ?? name };
    told.add(command);
    return { words: way?.words ?? name, command };
  });
}

/**
 * A text as one word of a shell, which it stays whatever is in it. Names come from whoever sends spans: what has signs
 * that a terminal acts upon is none.
 */
export function shell(text: string): string | undefined {
  if (/\p{C}/u.test(text)) return undefined;
  return /^[\w.\-/:@]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
