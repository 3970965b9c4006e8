import { defectOf } from '../../exchange/bar-rules.ts';

/** A bar as the exchange's API gives it. */
export interface Bar {
  /** ms since 1970. */
  readonly open: number;
  readonly close: number;
  /** Its 12 fields in the order of an archive's columns, every text as it came. */
  readonly line: string;
  /** Why its values cannot be believed, by the rules that archives are held to (A11, A14, B25), and its row in the answer. */
  readonly defect?: string;
}

const fields = 12;
/** open_time, close_time and count are numbers, the rest are texts. */
const wholeAt = [0, 6, 8];

/** The bars of an answer, or what keeps it from being one: anything but ascending rows of 12 fields of the right kind. */
export function parseBars(body: Buffer): readonly Bar[] | string {
  let rows: unknown;
  try {
    rows = JSON.parse(body.toString('utf8'));
  } catch {
    return 'it is no JSON';
  }
  if (!Array.isArray(rows)) return 'it is no list';
  const bars: Bar[] = [];
  for (const [index, row] of rows.entries()) {
    if (!Array.isArray(row) || row.length !== fields) return `row ${index + 1} has not ${fields} fields`;
    const odd = row.findIndex((field, at) => typeof field !== (wholeAt.includes(at) ? 'number' : 'string'));
    if (odd >= 0) return `row ${index + 1} has ${JSON.stringify(row[odd])} as field ${odd + 1}`;
    const [open, close] = [row[0] as number, row[6] as number];
    if (!Number.isSafeInteger(open) || open < 0 || open <= (bars.at(-1)?.open ?? -1))
      return `row ${index + 1} does not open after the row above it`;
    const found = defectOf(row.map(String));
    const defect = found && `${found.code}: row ${index + 1}, ${found.says}`;
    bars.push({ open, close, line: row.join(','), ...(defect !== undefined && { defect }) });
  }
  return bars;
}
