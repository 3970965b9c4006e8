import type { Position } from './config/problems.ts';

/** A field of a CSV record. */
export interface CsvField extends Position {
  readonly text: string;
  /** An empty field is NULL, and a quoted one that is empty is a text. */
  readonly isQuoted: boolean;
}

/** A defect of a text that is not CSV, and its position. */
export interface CsvFault extends Position {
  readonly message: string;
}

/**
 * Reads CSV as RFC 4180 defines it, each record with the positions of its fields. Stops at the first fault: what follows
 * a stray quote cannot be told apart.
 */
export function readCsv(text: string): {
  readonly records: readonly (readonly CsvField[])[];
  readonly fault?: CsvFault;
} {
  const records: CsvField[][] = [];
  let [at, line, lineStart] = [0, 1, 0];
  const here = (): Position => ({ line, column: at - lineStart + 1 });
  const isLineEnd = () => text[at] === '\n' || text.startsWith('\r\n', at);

  function nextLine(): void {
    at = text.indexOf('\n', at) + 1;
    lineStart = at;
    line += 1;
  }

  function readQuoted(start: Position): CsvField | CsvFault {
    let value = '';
    for (at += 1; at < text.length; ) {
      if (text[at] === '"' && text[at + 1] !== '"') {
        at += 1;
        const isEnd = at === text.length || text[at] === ',' || isLineEnd();
        if (isEnd) return { ...start, text: value, isQuoted: true };
        return { ...here(), message: 'a quoted field must end at its closing quote; write a quote within it twice' };
      }
      value += text[at];
      if (text[at] === '\n') nextLine();
      else at += text[at] === '"' ? 2 : 1;
    }
    return { ...start, message: 'the quote that opens here is never closed' };
  }

  function readPlain(start: Position): CsvField | CsvFault {
    const from = at;
    while (at < text.length && text[at] !== ',' && !isLineEnd()) {
      if (text[at] === '"') return { ...here(), message: 'a field that contains a quote must be quoted as a whole' };
      at += 1;
    }
    const value = text.slice(from, at);
    if (value === value.trim()) return { ...start, text: value, isQuoted: false };
    return { ...start, message: `\`${value}\` begins or ends with a space; remove it, or quote the field` };
  }

  while (at < text.length) {
    const record: CsvField[] = [];
    records.push(record);
    for (;;) {
      const field = text[at] === '"' ? readQuoted(here()) : readPlain(here());
      if ('message' in field) return { records, fault: field };
      record.push(field);
      if (text[at] !== ',') break;
      at += 1;
    }
    if (at < text.length) nextLine();
  }
  return { records };
}
