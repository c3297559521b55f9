/** Latency of spans over time, and what is special about those in a box. */
import { path, useApi } from '../../api/use';
import type { Marks } from '../../api/types';
import { HeatBox } from '../../ui/HeatBox';
import type { Question } from './ExplorePage';
import { Nothing } from './Notes';

export function HeatmapView({ question }: { question: Question }) {
  const { range, where } = question;
  const { data: marked } = useApi<Marks>(path('marks', { ...range }));
  return (
    <HeatBox
      range={range}
      where={where}
      what="span"
      marks={marked?.marks ?? []}
      none={<Nothing question={question} />}
    />
  );
}
