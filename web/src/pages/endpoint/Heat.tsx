/** When requests take how long, and what is special about those in a box. */
import type { Mark } from '../../api/types';
import { ofEndpoint } from '../../lib/question';
import { HeatBox, heatmapUrl } from '../../ui/HeatBox';
import type { At } from './EndpointPage';

interface Props {
  at: At;
  marks: Mark[];
  target: number;
}

/** Stretches of time. */
const COLUMNS = '160';

/** What it asks for; the page does so before it is there. */
export function heatUrl(at: At): string {
  return heatmapUrl(at.range, ofEndpoint(at), COLUMNS);
}

export function Heat({ at, marks, target }: Props) {
  return (
    <HeatBox
      range={at.range}
      where={ofEndpoint(at)}
      what="request"
      columns={COLUMNS}
      marks={marks}
      target={target}
      none={
        <p className="nothing">
          The spans of this time are no longer kept, so that there is nothing to draw. Choose a
          later time.
        </p>
      }
    />
  );
}
