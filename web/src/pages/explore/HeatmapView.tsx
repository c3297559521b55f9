/** Latency of spans over time, and what is special about those in a box. */
import { HeatBox } from '../../ui/HeatBox';
import { useMarks } from '../../ui/Marks';
import type { Question } from './ExplorePage';
import { Nothing } from './Notes';

export function HeatmapView({ question }: { question: Question }) {
  const { range, where } = question;
  const marks = useMarks();
  return (
    <HeatBox
      range={range}
      where={where}
      what="span"
      marks={marks}
      none={<Nothing question={question} />}
    />
  );
}
