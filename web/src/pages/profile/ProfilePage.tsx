/** A profile that was dropped on the page, by itself or beside another: table, icicle, sunburst and call tree. */
import { useCallback, useMemo, useState, type ReactNode } from 'react';

import type { Profile, ProfileAnswer } from '../../api/types';
import { amountText } from '../../lib/amount';
import { fromFlame } from '../../lib/calltree';
import { relativeText, type Per } from '../../lib/difference';
import { plural } from '../../lib/format';
import { usePosted } from '../../lib/opened';
import { setParams, useParam, useQuery } from '../../lib/route';
import { Comparison } from '../../ui/Comparison';
import { Code } from '../../ui/Copy';
import { DropFile } from '../../ui/DropFile';
import { Empty, Problem, Waiting } from '../../ui/Empty';
import { FlameBar } from '../../ui/FlameBar';
import { Tabs } from '../../ui/Tabs';
import { TreeFlame } from '../../ui/TreeFlame';
import { TreeLegend } from '../../ui/TreeLegend';
import { CallTreeTable } from './CallTreeTable';
import { FunctionTable } from './FunctionTable';
import { OneFunction } from './OneFunction';
import { Sunburst } from './Sunburst';

/** What the address holds of a picture of one profile: of another one it means nothing. */
const HELD = ['zoom', 'zoom0', 'zoom1', 'zoomCallers'];

/** Parameters of the address that have to go when another profile is shown. */
function anew(): Record<string, string> {
  const held = HELD.flatMap((name) => [name, `${name}-view`]);
  const names = [...held, 'centre', 'function', 'closed'];
  // Callers and callees are those of a function.
  const tab = new URLSearchParams(location.search).get('tab');
  if (tab === 'function') names.push('tab');
  return Object.fromEntries(names.map((name) => [name, '']));
}

/** Files live as long as the page is open: leaving it and coming back shows them again. */
let opened: File[] = [];

export function ProfilePage() {
  const [files, setFiles] = useState(opened);
  const keep = useCallback((next: File[]) => {
    opened = next.slice(0, 2);
    setFiles(opened);
    setParams({ ...anew(), profile: '' });
  }, []);
  const compare = useCallback((next: File[]) => keep([...opened.slice(-1), ...next]), [keep]);
  const body = useMemo(() => (files.length === 0 ? undefined : new Blob(files)), [files]);
  const [first, second] = files;
  const { data, problem } = usePosted<ProfileAnswer>(
    first === undefined
      ? undefined
      : files.map((file) => `${file.name} ${file.size} ${file.lastModified}`).join('\n'),
    `/api/v1/profile${first !== undefined && second !== undefined ? `?before_bytes=${first.size}` : ''}`,
    body,
  );
  const open = (
    <DropFile words={first === undefined ? 'Open a profile' : 'Open another'} many open={keep} />
  );
  if (first === undefined) return <NoProfile open={open} />;
  if (problem !== undefined)
    return (
      <>
        <Problem problem={problem} />
        <p>{open}</p>
      </>
    );
  if (data === undefined) return <Waiting />;
  return (
    <Read
      answer={data}
      names={files.map((file) => file.name)}
      actions={
        <>
          {open} <CompareButton words="Compare with a later one" open={compare} />
        </>
      }
    />
  );
}

/** A button alone: what is dropped on the page opens, what is chosen here is compared. */
function CompareButton({ words, open }: { words: string; open: (files: File[]) => void }) {
  return (
    <label className="copy file-button">
      {words}
      <input
        type="file"
        className="hidden"
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = '';
          if (files.length > 0) open(files);
        }}
      />
    </label>
  );
}

function Read({
  answer,
  names,
  actions,
}: {
  answer: ProfileAnswer;
  names: string[];
  actions: ReactNode;
}) {
  const [wanted] = useParam('profile');
  const profile = answer.profiles[Number(wanted) || 0] ?? answer.profiles[0];
  if (profile === undefined) return null;
  return (
    <>
      <div className="claim">
        <p className="over">
          {names.join(' → ')} <span className="dim">{answer.format_title}, not kept</span>
        </p>
        <h1>
          <Claim profile={profile} />
        </h1>
        <p className="actions">
          {answer.profiles.length > 1 && (
            <label className="filter">
              <span>of </span>
              <select
                value={Number(wanted) || 0}
                onChange={(event) => setParams({ ...anew(), profile: event.target.value })}
              >
                {answer.profiles.map((one, place) => (
                  <option key={place} value={place}>
                    {one.title}
                  </option>
                ))}
              </select>
            </label>
          )}{' '}
          {actions}
        </p>
      </div>
      {(profile.estimated || profile.notes.length > 0) && (
        <ul className="notes" aria-label="What to know about this profile">
          {profile.estimated && (
            <li>
              Icicle, sunburst and call tree are an estimate: the file has direct callers alone, so
              time of a function that several call is shared out among them. The table is exact.
            </li>
          )}
          {profile.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <Views key={answer.profiles.indexOf(profile)} profile={profile} names={names} />
    </>
  );
}

function Claim({ profile }: { profile: Profile }) {
  const unit = profile.tree.unit;
  const [before = 0, after] = profile.totals;
  const calls = profile.functions.reduce((sum, one) => sum + (one.figures[0]?.calls ?? 0), 0);
  if (after !== undefined)
    return (
      <>
        {amountText(before, unit)} → {amountText(after, unit)}, {relativeText({ before, after })}
      </>
    );
  return (
    <>
      {amountText(before, unit)} in {plural(profile.functions.length, 'function')}
      {calls > 0 && `, ${plural(calls, 'call')}`}
    </>
  );
}

function Views({ profile, names }: { profile: Profile; names: string[] }) {
  const tree = useMemo(() => fromFlame(profile.tree), [profile]);
  const tab = useQuery().get('tab') ?? 'functions';
  const [text] = useParam('find');
  const [colour] = useParam('colour');
  const [function_] = useParam('function');
  const one =
    function_ !== '' && profile.functions[Number(function_)] !== undefined
      ? Number(function_)
      : undefined;
  const by = colour || 'name';
  const compared = profile.totals.length === 2;
  if (compared) return <Compared profile={profile} names={names} />;
  return (
    <Tabs
      label="Views of the profile"
      tabs={[
        { name: 'functions', words: 'Functions' },
        { name: 'icicle', words: 'Icicle' },
        { name: 'sunburst', words: 'Sunburst' },
        { name: 'tree', words: 'Call tree' },
        ...(one === undefined ? [] : [{ name: 'function', words: 'Callers and callees' }]),
      ]}
      tab={tab}
      first="functions"
    >
      {tab !== 'tree' && (
        <FlameBar colours={tab === 'functions' ? [] : COLOURS} search="function or file" />
      )}
      {(tab === 'icicle' || tab === 'sunburst') && <TreeLegend tree={tree} side={0} by={by} />}
      {tab === 'icicle' ? (
        <TreeFlame
          tree={tree}
          side={0}
          per={ONE}
          by={by}
          search={text}
          label="icicle of the profile"
          hint="Each box is as wide as the function and all that it called. Double-click one to look closer."
        />
      ) : tab === 'sunburst' ? (
        <Sunburst tree={tree} side={0} by={by} search={text} />
      ) : tab === 'function' && one !== undefined ? (
        <OneFunction tree={tree} frame={one} by={by} search={text} />
      ) : tab === 'tree' ? (
        <CallTreeTable tree={tree} side={0} />
      ) : (
        <FunctionTable profile={profile} search={text} />
      )}
    </Tabs>
  );
}

const ONE: Per = [1, 1];

const COLOURS = [
  { name: 'name', words: 'function' },
  { name: 'group', words: 'file' },
];

function Compared({ profile, names }: { profile: Profile; names: string[] }) {
  const tree = useMemo(() => fromFlame(profile.tree), [profile]);
  const [shown, setShown] = useParam('show');
  const [text] = useParam('find');
  return (
    <>
      <p className="switch">
        <label className="filter">
          <span>show </span>
          <select value={shown} onChange={(event) => setShown(event.target.value)}>
            <option value="">what changed in the tree</option>
            <option value="functions">functions before and after</option>
          </select>
        </label>
      </p>
      {shown === 'functions' ? (
        <>
          <FlameBar colours={[]} search="function or file" />
          <FunctionTable profile={profile} search={text} />
        </>
      ) : (
        <Comparison tree={tree} per={ONE} names={[names[0] ?? 'before', names[1] ?? 'after']} />
      )}
    </>
  );
}

function NoProfile({ open }: { open: ReactNode }) {
  return (
    <Empty title="Drop a profile here">
      <p>
        cProfile’s statistics, pprof, speedscope’s JSON, V8’s .cpuprofile, Chrome’s trace events,
        what perf script prints and collapsed stacks are read, gzipped or not, up to 64 MiB; two at
        once are compared, the first as what was before. Nothing of them is kept.
      </p>
      <p>{open}</p>
      <p>To write one of a Python program, and read it in the terminal too:</p>
      <Code
        label="shell"
        text={'python -m cProfile -o slow.pstats shop.py\ntaut profile slow.pstats'}
      />
    </Empty>
  );
}
