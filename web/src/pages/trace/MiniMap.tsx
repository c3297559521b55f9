/** The whole trace at a glance; dragging over it looks closer, a double click shows all again. */
import { useEffect, useRef, useState, type PointerEvent } from 'react';

import type { Trace } from '../../api/types';
import { kindColours } from '../../lib/colours';
import { durationText } from '../../lib/format';
import type { View } from '../../lib/held';
import { useWidth } from '../../lib/size';
import { useTheme } from '../../lib/theme';

const HEIGHT = 52;

interface Props {
  trace: Trace;
  /** The stretch of the trace that the rows show, in microseconds. */
  view: View;
  change: (view: View) => void;
}

export function MiniMap({ trace, view, change }: Props) {
  const [measure, width] = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  const [drag, setDrag] = useState<{ start: number; end: number }>();
  const whole = Math.max(trace.duration_micros, 0.001);
  const zoomed = view.from > 0 || view.to < whole;

  useEffect(() => {
    if (canvas.current !== null) draw(canvas.current, trace, width);
    // The theme changes the colours that are read from the style sheet.
  }, [trace, width, theme]);

  const at = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    return (Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) || 0) * whole;
  };
  const release = () => {
    if (drag === undefined) return;
    const [from, to] = [Math.min(drag.start, drag.end), Math.max(drag.start, drag.end)];
    setDrag(undefined);
    if (to - from > whole / 200) change({ from, to });
  };
  const shown = drag ?? (zoomed ? { start: view.from, end: view.to } : undefined);
  return (
    <div className="minimap">
      <div
        ref={measure}
        className="map"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ start: at(event), end: at(event) });
        }}
        onPointerMove={(event) => {
          if (drag !== undefined) setDrag({ ...drag, end: at(event) });
        }}
        onPointerUp={release}
        onPointerCancel={() => setDrag(undefined)}
        onDoubleClick={() => change({ from: 0, to: whole })}
      >
        <canvas ref={canvas} height={HEIGHT} role="img" aria-label="the whole trace at a glance" />
        {shown !== undefined && (
          <span
            className="brush"
            style={{
              left: `${(Math.min(shown.start, shown.end) / whole) * 100}%`,
              width: `${(Math.abs(shown.end - shown.start) / whole) * 100}%`,
            }}
          />
        )}
      </div>
      {zoomed && (
        <button type="button" className="copy" onClick={() => change({ from: 0, to: whole })}>
          Show all {durationText(whole)}
        </button>
      )}
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, trace: Trace, width: number) {
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.scale(ratio, ratio);
  context.clearRect(0, 0, width, HEIGHT);
  const whole = Math.max(trace.duration_micros, 0.001);
  const deepest = trace.nodes.reduce((most, node) => Math.max(most, node.depth), 0);
  const lane = Math.max(2, Math.min(16, (HEIGHT - 4) / (deepest + 1)));
  const colours = kindColours(canvas);
  // What lies within the pixel that was drawn last on its lane is there already.
  const drawn = new Map<number, number>();
  for (const node of trace.nodes) {
    const x = (node.offset_micros / whole) * width;
    const y = 2 + Math.min(node.depth * lane, HEIGHT - lane - 2);
    const long = Math.max(0.6, (node.duration_micros / whole) * width);
    const key = 4 * y + (node.critical_own_micros > 0 ? 2 : 0);
    const until = drawn.get(key) ?? -1;
    if (x + long <= until && x >= until - 1) continue;
    drawn.set(key, x + Math.max(1, long));
    context.fillStyle = colours[node.kind];
    context.globalAlpha = node.critical_own_micros > 0 ? 1 : 0.35;
    context.fillRect(x, y, long, Math.max(1.5, lane - 1));
  }
}
