/** A bar as the exchange's API gives it. */
export interface Bar {
  /** ms since 1970. */
  readonly open: number;
  readonly close: number;
  /** Its 12 fields in the order of an archive's columns, every text as it came. */
  readonly line: string;
  /** Why its values cannot be believed, by the rules that archives are held to (A11, A14). */
  readonly defect?: string;
}

const fields = 12;
/** open_time, close_time and count are numbers, the rest are texts. */
const wholeAt = [0, 6, 8];
const decimal = /^-?\d+(\.\d+)?$/;

/** The bars of an answer, or what keeps it from being one: anything but ascending rows of 12 fields. */
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
    const odd = row.findIndex((field, at) =>
      wholeAt.includes(at) ? !Number.isSafeInteger(field) : typeof field !== 'string' || !decimal.test(field),
    );
    if (odd >= 0) return `row ${index + 1} has ${JSON.stringify(row[odd])} as field ${odd + 1}`;
    const [open, close] = [row[0] as number, row[6] as number];
    if (open < 0 || open <= (bars.at(-1)?.open ?? -1)) return `row ${index + 1} does not open after the row above it`;
    const defect = defectOf(row.map(Number));
    bars.push({ open, close, line: row.join(','), ...(defect !== undefined && { defect }) });
  }
  return bars;
}

function defectOf(values: readonly number[]): string | undefined {
  const [, open = 0, high = 0, low = 0, close = 0] = values;
  if (values.some((value) => !Number.isFinite(value))) return 'not_a_number';
  if (values.some((value) => value < 0)) return 'negative_value';
  return low > Math.min(open, close) || high < Math.max(open, close) ? 'ohlc_nonsense' : undefined;
}
