import { columnNamed, columns } from '../../exchange/bar-rules.ts';
import { type Reason, reason } from './reason.ts';

const isName = (field: string): boolean => /^\s*[a-z]/i.test(field) && !/^\s*(nan|inf)/i.test(field);

/**
 * What is wrong with a header: columns are read by their position, so each name must be the one of its position (A31).
 * `line` has no line end.
 */
export function headerProblem(line: string): Reason | undefined {
  const names = line.split(',');
  if (names.length !== columns.length) {
    return reason('field_count', `the header has ${names.length} fields instead of ${columns.length}`);
  }
  // A header names all its columns; `NaN,1,2…` is a broken row, and dropping it would lose a bar.
  const unnamed = names.find((name) => !isName(name));
  if (unnamed !== undefined) {
    const shown = JSON.stringify(unnamed.slice(0, 40));
    return reason('open_time_not_a_number', `the first line is neither a row nor a header: ${shown}`);
  }
  const at = columns.findIndex((column, position) => columnNamed(names[position] as string) !== column);
  if (at < 0) return undefined;
  const name = names[at] as string;
  const where = `column ${at + 1} of the header is ${JSON.stringify(name.slice(0, 40))} where the archive has ${columns[at]}`;
  return columnNamed(name) === undefined
    ? reason('header_unknown', `${where}, and that name is not known`)
    : reason('header_order', `${where}: the columns are in another order`);
}
