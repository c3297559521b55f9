/** Runs of load, searches, replays and comparisons: what the command line wrote, opened by dropping it here. */
import { useCallback, useState } from 'react';

import { readProof, type Run, type Told } from '../../lib/proof';
import { Code } from '../../ui/Copy';
import { DropFile } from '../../ui/DropFile';
import { Empty } from '../../ui/Empty';
import { Breaks } from '../../ui/Breaks';
import { Link } from '../../ui/Link';
import { to, useParam } from '../../lib/route';
import { LimitView } from './LimitView';
import { ProofView } from './ProofView';
import { ReplayView } from './ReplayView';
import { RunView, TwoRuns } from './RunView';
import { Stretches } from './Stretches';

/** The largest result: 200,000 single requests are some 20 MB. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;

interface Opened {
  name: string;
  told: Told | string;
}

/** Files live as long as the page is open: leaving it and coming back shows them again. */
let kept: Opened[] = [];

export function RunsPage() {
  const [compare] = useParam('compare');
  return compare === '' ? <Files /> : <Stretches />;
}

function Files() {
  const [opened, setOpened] = useState(kept);
  const open = useCallback((files: File[]) => {
    void Promise.all(files.slice(0, 2).map(read)).then((next) => {
      kept = next;
      setOpened(next);
    });
  }, []);
  const button = (
    <DropFile words={opened.length === 0 ? 'Open a result' : 'Open another'} many open={open} />
  );
  const [first, second] = opened;
  if (first === undefined) return <Nothing button={button} />;
  const wrong = opened.find((one) => typeof one.told === 'string');
  if (wrong !== undefined)
    return (
      <Empty title="That cannot be shown">
        <p>
          <Breaks text={wrong.name} />: {wrong.told as string}
        </p>
        <p>{button}</p>
      </Empty>
    );
  const runs = opened.filter((one): one is { name: string; told: Run } => isRun(one.told));
  return (
    <>
      <p className="over">
        <Breaks text={opened.map((one) => one.name).join(' → ')} />{' '}
        <span className="dim">not kept</span> {button}
      </p>
      {runs.length === 2 ? (
        <TwoRuns runs={runs.map((one) => one.told)} names={runs.map((one) => one.name)} />
      ) : (
        <View told={(second ?? first).told as Told} />
      )}
    </>
  );
}

function isRun(told: Told | string): told is Run {
  return typeof told !== 'string' && told.kind === 'run';
}

function View({ told }: { told: Told }) {
  switch (told.kind) {
    case 'run':
      return <RunView run={told} />;
    case 'limit':
      return <LimitView limit={told} />;
    case 'replay':
      return <ReplayView replay={told} />;
    case 'proof':
      return <ProofView proof={told} />;
  }
}

async function read(file: File): Promise<Opened> {
  if (file.size > FILE_BYTES_MAX)
    return { name: file.name, told: 'It has more than 256 MB, and no result has.' };
  return { name: file.name, told: readProof(await file.text()) };
}

function Nothing({ button }: { button: React.ReactNode }) {
  return (
    <Empty title="Drop a result here">
      <p>
        A run of load, a search for the limit, a replay or a comparison; two runs at once are laid
        one over the other. Nothing of them is kept.
      </p>
      <p>{button}</p>
      <p>
        Or compare <Link to={to('/runs', { compare: 'previous' })}>two stretches of time</Link> of
        what is kept here. What was noted of runs and proofs is in{' '}
        <Link to={to('/ledger')}>the ledger</Link>.
      </p>
      <p>To write them:</p>
      <Code
        label="shell"
        text={
          'taut load http://localhost:8000/ --rate 200 --for 1m --out run.json\n' +
          'taut load http://localhost:8000/ --search --expect "p95<200ms" --json > limit.json\n' +
          'taut replay captures/ --target http://new:8000 --against http://old:8000 --json > replay.json\n' +
          'taut prove before.json after.json --json > proof.json'
        }
      />
    </Empty>
  );
}
