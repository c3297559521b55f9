/** Loads, searches for a limit, replays, comparisons and checks: those that were recorded, and files that are dropped here. */
import { useCallback, useState } from 'react';

import { readResult, type Result } from '../../lib/checked';
import type { Run } from '../../lib/proof';
import { navigate, to, useParam } from '../../lib/route';
import { Breaks } from '../../ui/Breaks';
import { DropFile } from '../../ui/DropFile';
import { Empty } from '../../ui/Empty';
import { RecordedRun } from './RecordedRun';
import { ResultView } from './ResultView';
import { RunList } from './RunList';
import { TwoRuns } from './RunView';
import { Stretches } from './Stretches';

/** The largest result: 200,000 single requests are some 20 MB. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;

interface Opened {
  name: string;
  told: Result | string;
}

/** Files live as long as the page is open: leaving it and coming back shows them again. */
let kept: Opened[] = [];

export function RunsPage() {
  const [compare] = useParam('compare');
  return compare === '' ? <Runs /> : <Stretches />;
}

function Runs() {
  const [number] = useParam('run');
  const [opened, setOpened] = useState(kept);
  const show = useCallback((next: Opened[]) => {
    kept = next;
    setOpened(next);
    // A file is none of those that were recorded.
    if (new URLSearchParams(location.search).has('run')) navigate(to('/runs'));
  }, []);
  const open = useCallback(
    (files: File[]) => void Promise.all(files.slice(0, 2).map(read)).then(show),
    [show],
  );
  const isOpen = opened.length > 0 && number === '';
  const button = <DropFile words={isOpen ? 'Open another' : 'Open a result'} many open={open} />;
  if (number !== '') return <RecordedRun key={number} number={number} button={button} />;
  if (!isOpen) return <RunList button={button} />;
  return <Files opened={opened} button={button} close={() => show([])} />;
}

interface FilesProps {
  opened: Opened[];
  button: React.ReactNode;
  close: () => void;
}

function Files({ opened, button, close }: FilesProps) {
  const [first, second] = opened;
  const all = (
    <button type="button" className="copy" onClick={close}>
      All runs
    </button>
  );
  const wrong = opened.find((one) => typeof one.told === 'string');
  if (wrong !== undefined)
    return (
      <Empty title="That cannot be shown">
        <p>
          <Breaks text={wrong.name} />: {wrong.told as string}
        </p>
        <p>
          {button} {all}
        </p>
      </Empty>
    );
  const runs = opened.filter((one): one is { name: string; told: Run } => isRun(one.told));
  return (
    <>
      <p className="over">
        <Breaks text={opened.map((one) => one.name).join(' → ')} />{' '}
        <span className="dim">not kept</span> {button} {all}
      </p>
      {runs.length === 2 ? (
        <TwoRuns runs={runs.map((one) => one.told)} names={runs.map((one) => one.name)} />
      ) : (
        <ResultView told={(second ?? first)?.told as Result} />
      )}
    </>
  );
}

function isRun(told: Result | string): told is Run {
  return typeof told !== 'string' && told.kind === 'run';
}

async function read(file: File): Promise<Opened> {
  if (file.size > FILE_BYTES_MAX)
    return { name: file.name, told: 'It has more than 256 MB, and no result has.' };
  try {
    return { name: file.name, told: readResult(await file.text()) };
  } catch {
    return {
      name: file.name,
      told: 'It cannot be read. See whether it is still there, and whether you may read it.',
    };
  }
}
