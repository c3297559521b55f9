/**
 * A flame graph that hangs from its root, on canvas: only boxes in view are drawn, each pixel once, so that its cost hangs
 * on the screen and not on the number of boxes.
 */
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
} from 'react';

import { inkOn } from '../lib/colours';
import { boxAt, firstAfter, rowCount, stepFrom, type Boxes } from '../lib/flame';
import { readView, useHeld, viewText, type View } from '../lib/held';
import { useWidth } from '../lib/size';
import { useTheme } from '../lib/theme';

const ROW = 20;
const HEIGHT_MAX = 560;
/** Narrower boxes have no room for letters. */
const WORDS_MIN = 34;
const LETTER = 6.3;
const ZOOM_STEP = 1.25;

export interface Look {
  /** Fill, as `#rrggbb`. */
  colour: string;
  name: string;
  /** Faded: it does not pass the filter. */
  faint: boolean;
  /** Drawn with a line below it: it failed, or it is what was searched for. */
  marked: boolean;
}

interface Props {
  boxes: Boxes;
  look: (id: number) => Look;
  label: string;
  /** What is said of a node, below the picture. */
  words: (id: number) => ReactNode;
  /** What is said while nothing is pointed at. */
  hint: ReactNode;
  chosen?: number | undefined;
  choose?: (id: number | undefined) => void;
  /** The node that fills the width; kept by whoever shows this. */
  zoomed?: number | undefined;
  zoom?: (id: number | undefined) => void;
  /** Under which name the address keeps what is looked at closer than that. */
  viewName?: string | undefined;
  /** Nodes that the search found, in order; `n` goes from one to the next. */
  found?: number[];
}

export function Flame(props: Props) {
  const { boxes, look, label, words, hint, chosen, choose, zoomed, zoom, viewName, found } = props;
  const [measure, width] = useWidth();
  const theme = useTheme();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [hover, setHover] = useState(-1);
  const [active, setActive] = useState(-1);
  const whole = useMemo<View>(() => ({ from: 0, to: boxes.whole || 1 }), [boxes]);
  const target = zoomed === undefined ? -1 : (boxes.boxOf[zoomed] ?? -1);
  const initial = useMemo(
    () => (target === -1 ? whole : reach(boxes, target)),
    [boxes, target, whole],
  );
  const [view, setView] = useHeld(
    viewName,
    (text) => readView(text, whole.to) ?? initial,
    useCallback(
      (view: View) => (viewText(view) === viewText(initial) ? '' : viewText(view)),
      [initial],
    ),
  );
  // What fills the width changes when the address does, or when other boxes come.
  const [shown, setShown] = useState({ boxes, target });
  if (shown.boxes !== boxes || shown.target !== target) {
    setShown({ boxes, target });
    setView(initial);
    setHover(-1);
    if (shown.boxes !== boxes) setActive(-1);
  }
  const rows = rowCount(boxes);
  const height = Math.max(ROW, Math.min(HEIGHT_MAX, rows * ROW));
  const chosenBox = chosen === undefined ? -1 : (boxes.boxOf[chosen] ?? -1);

  useLayoutEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    draw(element, { boxes, look, view, width, height, top, hover, active, chosen: chosenBox });
    // The theme changes the colours that are read from the style sheet.
  }, [boxes, look, view, width, height, top, hover, active, chosenBox, theme]);

  const hit = (event: { clientX: number; clientY: number }) => {
    const area = canvas.current?.getBoundingClientRect();
    if (area === undefined) return -1;
    const unit = (view.to - view.from) / Math.max(1, area.width);
    const row = Math.floor((event.clientY - area.top + top) / ROW);
    return boxAt(boxes, row, view.from + (event.clientX - area.left) * unit, unit);
  };
  const look2 = useCallback(
    (factor: number, centre: number) =>
      setView((before) => scaled(before, factor, centre, whole.to)),
    [whole, setView],
  );
  // React listens to wheels passively; zooming must not scroll the page.
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const turned = (event: WheelEvent) => {
      const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
      if (!event.ctrlKey && !event.metaKey && !sideways) return;
      event.preventDefault();
      const area = element.getBoundingClientRect();
      const share = (event.clientX - area.left) / Math.max(1, area.width);
      if (sideways && !event.ctrlKey && !event.metaKey) {
        const delta = (event.deltaX || event.deltaY) / Math.max(1, area.width);
        setView((before) => moved(before, delta * (before.to - before.from), whole.to));
      } else {
        setView((before) =>
          scaled(
            before,
            event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP,
            before.from + share * (before.to - before.from),
            whole.to,
          ),
        );
      }
    };
    element.addEventListener('wheel', turned, { passive: false });
    return () => element.removeEventListener('wheel', turned);
  }, [whole, setView]);

  const fill = (box: number) => {
    setView(box === -1 ? whole : reach(boxes, box));
    zoom?.(box === -1 ? undefined : boxes.id[box]);
  };
  const go = (box: number) => {
    if (box === -1) return;
    setActive(box);
    setHover(-1);
    setView((before) => showing(before, reach(boxes, box), whole.to));
    const y = (boxes.row[box] ?? 0) * ROW;
    const element = scroller.current;
    if (element === null) return;
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + ROW > element.scrollTop + height) element.scrollTop = y + ROW - height;
  };
  const pressed = (event: KeyboardEvent) => {
    // Those are the browser's: Ctrl and + make the page larger.
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const here = active !== -1 ? active : chosenBox;
    if (event.key.startsWith('Arrow')) go(here === -1 ? 0 : stepFrom(boxes, here, event.key));
    else if (event.key === 'Enter' && here !== -1) fill(here);
    else if (event.key === ' ' && here !== -1) choose?.(boxes.id[here]);
    else if (event.key === '+' || event.key === '=') look2(ZOOM_STEP, middle(boxes, here, view));
    else if (event.key === '-') look2(1 / ZOOM_STEP, middle(boxes, here, view));
    else if (event.key === '0' || event.key === 'Home') fill(-1);
    else if (event.key === 'n' || event.key === 'N')
      go(nextFound(boxes, found ?? [], here, event.key === 'n' ? 1 : -1));
    else if (event.key === 'Escape' && (view.from > 0 || view.to < whole.to)) fill(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const drag = useDrag(width, view, (next) => setView(next), whole.to);
  const told = hover !== -1 ? hover : active !== -1 ? active : chosenBox;
  const id = boxes.id[told];
  return (
    <figure className="flame">
      <div
        ref={scroller}
        className="flame-scroller"
        role="group"
        aria-label={`${label}. Arrow keys walk, Enter fills the width, 0 shows all.`}
        tabIndex={0}
        style={{ height }}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
        onKeyDown={pressed}
      >
        <div ref={measure} style={{ height: rows * ROW }}>
          <canvas
            ref={canvas}
            role="img"
            aria-label={label}
            style={{ height }}
            onPointerDown={drag.down}
            onPointerMove={(event) => {
              if (!drag.move(event)) setHover(hit(event));
            }}
            onPointerUp={drag.up}
            onPointerLeave={() => setHover(-1)}
            onClick={(event) => {
              if (drag.wasDrag()) return;
              const box = hit(event);
              setActive(box);
              choose?.(box === -1 ? undefined : boxes.id[box]);
            }}
            onDoubleClick={(event) => fill(hit(event))}
          />
        </div>
      </div>
      <figcaption className="readout" aria-live="polite">
        {id === undefined ? hint : words(id)}
      </figcaption>
      {(view.from > 0 || view.to < whole.to) && (
        <button type="button" className="copy" onClick={() => fill(-1)}>
          Show all
        </button>
      )}
    </figure>
  );
}

interface Drawn {
  boxes: Boxes;
  look: (id: number) => Look;
  view: View;
  width: number;
  height: number;
  top: number;
  hover: number;
  active: number;
  chosen: number;
}

function draw(canvas: HTMLCanvasElement, drawn: Drawn) {
  const { boxes, view, width, height, top } = drawn;
  const ratio = devicePixelRatio || 1;
  const [wide, tall] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== tall) canvas.height = tall;
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  context.font = `12px ${style.fontFamily}`;
  context.textBaseline = 'middle';
  const scale = width / (view.to - view.from || 1);
  const first = Math.max(0, Math.floor(top / ROW));
  const last = Math.min(rowCount(boxes) - 1, Math.floor((top + height) / ROW));
  const ink = style.getPropertyValue('--ink').trim();
  const broken = style.getPropertyValue('--broken').trim();
  for (let row = first; row <= last; row += 1) {
    const end = boxes.rowStart[row + 1] ?? 0;
    const y = row * ROW - top;
    for (let box = firstAfter(boxes, row, view.from); box < end;) {
      const x = ((boxes.from[box] ?? 0) - view.from) * scale;
      if (x >= width) break;
      const long = ((boxes.to[box] ?? 0) - (boxes.from[box] ?? 0)) * scale;
      const look = drawn.look(boxes.id[box] ?? 0);
      if (long < 1) {
        // All that lies on this pixel is drawn as the first of it.
        context.globalAlpha = look.faint ? 0.25 : 1;
        context.fillStyle = look.colour;
        context.fillRect(x, y, 1, ROW - 1);
        box = Math.max(box + 1, firstAfter(boxes, row, view.from + (x + 1) / scale, box));
        continue;
      }
      paint(
        context,
        look,
        { x: Math.max(0, x), y, wide: Math.min(width, x + long) - Math.max(0, x) },
        broken,
      );
      box += 1;
    }
  }
  context.globalAlpha = 1;
  for (const [box, thick] of [
    [drawn.hover, 1],
    [drawn.chosen, 2],
    [drawn.active, 2],
  ] as const) {
    if (box === -1) continue;
    const x = ((boxes.from[box] ?? 0) - view.from) * scale;
    const y = (boxes.row[box] ?? 0) * ROW - top;
    context.strokeStyle = ink;
    context.lineWidth = thick;
    const long = Math.max(2, ((boxes.to[box] ?? 0) - (boxes.from[box] ?? 0)) * scale);
    const left = Math.max(thick / 2, x + thick / 2);
    context.strokeRect(
      left,
      y + thick / 2,
      Math.min(width, x + long) - left - thick / 2,
      ROW - 1 - thick,
    );
  }
}

function paint(
  context: CanvasRenderingContext2D,
  look: Look,
  { x, y, wide }: { x: number; y: number; wide: number },
  broken: string,
) {
  context.globalAlpha = look.faint ? 0.25 : 1;
  context.fillStyle = look.colour;
  context.fillRect(x, y, Math.max(1, wide - 0.7), ROW - 1);
  if (look.marked) {
    context.fillStyle = broken;
    context.fillRect(x, y + ROW - 4, Math.max(1, wide - 0.7), 3);
  }
  if (wide < WORDS_MIN || look.faint) return;
  const letters = Math.floor((wide - 8) / LETTER);
  const text =
    look.name.length > letters ? `${look.name.slice(0, Math.max(1, letters - 1))}…` : look.name;
  context.fillStyle = inkOn(look.colour);
  context.fillText(text, x + 4, y + (ROW - 1) / 2 + 0.5, wide - 6);
}

function reach(boxes: Boxes, box: number): View {
  const from = boxes.from[box] ?? 0;
  return { from, to: Math.max(boxes.to[box] ?? 0, from + boxes.whole * 1e-9) };
}

function scaled(view: View, factor: number, centre: number, whole: number): View {
  const length = Math.min(whole, Math.max(whole * 1e-9, (view.to - view.from) / factor));
  const share = (centre - view.from) / (view.to - view.from || 1);
  return within({ from: centre - share * length, to: centre + (1 - share) * length }, whole);
}

function moved(view: View, by: number, whole: number): View {
  return within({ from: view.from + by, to: view.to + by }, whole);
}

/** The same length, moved so that nothing lies outside of the whole. */
function within(view: View, whole: number): View {
  const length = Math.min(whole, view.to - view.from);
  const from = Math.min(Math.max(0, view.from), whole - length);
  return { from, to: from + length };
}

/** The view, moved or widened so that a box is to be seen. */
function showing(view: View, box: View, whole: number): View {
  const seen = box.from < view.to && box.to > view.from;
  if (seen && box.to - box.from >= (view.to - view.from) / 200) return view;
  const length = Math.min(whole, Math.max(view.to - view.from, box.to - box.from));
  const small = box.to - box.from < length / 200 ? (box.to - box.from) * 20 : length;
  const centre = (box.from + box.to) / 2;
  return within({ from: centre - small / 2, to: centre + small / 2 }, whole);
}

function middle(boxes: Boxes, box: number, view: View): number {
  if (box === -1) return (view.from + view.to) / 2;
  return ((boxes.from[box] ?? 0) + (boxes.to[box] ?? 0)) / 2;
}

function nextFound(boxes: Boxes, found: number[], here: number, step: number): number {
  const places = found.map((id) => boxes.boxOf[id] ?? -1).filter((box) => box !== -1);
  if (places.length === 0) return -1;
  const now = places.indexOf(here);
  return places[(now + step + places.length) % places.length] ?? -1;
}

/** Dragging sideways moves the view; what moved is no click. */
function useDrag(width: number, view: View, change: (view: View) => void, whole: number) {
  const begun = useRef<{ x: number; view: View } | undefined>(undefined);
  const dragged = useRef(false);
  return {
    down: (event: PointerEvent) => {
      dragged.current = false;
      if (event.button === 0) begun.current = { x: event.clientX, view };
    },
    move: (event: PointerEvent): boolean => {
      const from = begun.current;
      if (from === undefined || event.buttons === 0) return false;
      const far = event.clientX - from.x;
      if (Math.abs(far) < 4 && !dragged.current) return false;
      dragged.current = true;
      const unit = (from.view.to - from.view.from) / Math.max(1, width);
      change(moved(from.view, -far * unit, whole));
      return true;
    },
    up: () => {
      begun.current = undefined;
    },
    wasDrag: () => dragged.current,
  };
}
