/** When requests take how long, and what is special about those in a box. */
import type { Mark } from '../../api/types';
import { ofEndpoint } from '../../lib/question';
import { HeatBox } from '../../ui/HeatBox';
import type { At } from './EndpointPage';

interface Props {
  at: At;
  marks: Mark[];
  target: number;
}

export function Heat({ at, marks, target }: Props) {
  return (
    <HeatBox
      range={at.range}
      where={ofEndpoint(at)}
      what="request"
      columns="160"
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
