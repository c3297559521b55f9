/** The legend of a merged tree: each colour with its share of the time. */
import type { CallTree } from '../lib/calltree';
import { partsOf } from '../lib/legend';
import { FlameLegend } from './FlameLegend';

interface Props {
  tree: CallTree;
  side: 0 | 1;
  /** What colours tell apart: `kind`, `group` or `name`. */
  by: string;
}

export function TreeLegend({ tree, side, by }: Props) {
  return <FlameLegend parts={partsOf(tree, side, by)} by={by} of="the time" />;
}
