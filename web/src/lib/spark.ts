/** What a small line says in words: least, most, last, and its target. */
export function sparkWords(
  values: number[],
  text: (value: number) => string,
  target?: number,
): string {
  const [least, most] = [text(Math.min(...values)), text(Math.max(...values))];
  const last = values.at(-1);
  const aim = target === undefined ? '' : `; target ${text(target)}`;
  if (last === undefined) return 'nothing';
  if (least === most) return `${most} all the time${aim}`;
  return `${least} to ${most}, last ${text(last)}${aim}`;
}
