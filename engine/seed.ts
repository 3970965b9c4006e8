import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Position, type Problem, problemsError } from './config/problems.ts';
import { csvLine } from './csv-line.ts';
import { createTable } from './duckdb/dialect.ts';
import { closest, PipelineError } from './errors.ts';
import type { TableFeed } from './extract.ts';
import { machineFault } from './machine-fault.ts';
import { type CsvField, readCsv } from './read-csv.ts';
import type { Column, Table } from './schema/table.ts';
import { valueText } from './schema/value-text.ts';

/** A CSV file of the project that was read and checked against its table. */
export interface Seed {
  readonly table: Table;
  readonly rows: number;
  /** Changes with the bytes of the file and with the definition of the table. */
  readonly digest: string;
  /** The table as one partition. */
  readonly feed: TableFeed;
}

/** The name of the only partition of a table without partitions. */
const whole = '';

/**
 * Reads a seed: its header must be the columns of the table in their order, and each field a value of its column. An
 * empty field is NULL, `""` the empty text.
 * @param file relative to `root`
 * @throws PipelineError SEED_INVALID with the position of every mistake
 */
export async function readSeed(root: string, file: string, table: Table): Promise<Seed> {
  const bytes = await readFile(path.join(root, file)).catch((error: unknown) => {
    throw machineFault(error, file);
  });
  const { rows, problems } = checkSeed(textOf(bytes, file), table);
  if (problems.length > 0) throw problemsError(file, problems);
  const digest = createHash('sha256').update(createTable(table)).update(bytes).digest('hex');
  const lines = [Object.keys(table.columns), ...rows].map(csvLine);
  return {
    table,
    rows: rows.length,
    digest,
    feed: { partitions: new Map([[whole, digest]]), writeCsv: (_, to) => writeFile(to, lines.join('')) },
  };
}

function textOf(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PipelineError('SEED_INVALID', 'the file is not UTF-8', { file, hint: 'save it as UTF-8', cause });
  }
}

type Values = readonly (string | null)[];

/** Returns the rows as texts that DuckDB reads without loss, and every mistake. */
function checkSeed(text: string, table: Table): { readonly rows: readonly Values[]; readonly problems: Problem[] } {
  const { records, fault } = readCsv(text);
  const problems: Problem[] = [];
  const report = ({ line, column }: Position, message: string, hint?: string) =>
    problems.push({
      code: 'SEED_INVALID',
      message,
      position: { line, column },
      ...(hint !== undefined && { hint }),
    });
  const [header, ...lines] = fault ? records.slice(0, -1) : records;
  const columns = Object.entries(table.columns);
  if (header === undefined && fault === undefined)
    report({ line: 1, column: 1 }, `the file has no header: \`${columns.map(([name]) => name).join(',')}\``);
  if (header !== undefined && !checkHeader(header, table, report)) return { rows: [], problems };

  const rows: Values[] = [];
  const seen = new Map<string, number>();
  for (const record of lines) {
    const [first] = record as [CsvField];
    if (record.length !== columns.length) {
      const have = record.length === 1 ? '1 field' : `${record.length} fields`;
      report(first, `the line has ${have}, but the header has ${columns.length}`);
      continue;
    }
    const values = columns.map(([name, column], at) => {
      const field = record[at] as CsvField;
      const checked = checkField(field, name, column);
      if (typeof checked === 'object' && checked !== null) report(field, checked.problem, checked.hint);
      return typeof checked === 'object' ? null : checked;
    });
    rows.push(values);
    const key = table.key.map((name) => values[columns.findIndex(([column]) => column === name)]);
    if (key.length === 0) continue;
    const before = seen.get(JSON.stringify(key));
    if (before === undefined) seen.set(JSON.stringify(key), first.line);
    else if (!key.includes(null))
      report(first, `the ${table.key.join(', ')} \`${key.join(', ')}\` appears twice (first on line ${before})`);
  }
  if (fault !== undefined) report(fault, fault.message);
  return { rows, problems };
}

type Report = (position: Position, message: string, hint?: string) => void;

/** Reports the first name that is not the one of its place; the rest of the file says nothing then. */
function checkHeader(header: readonly CsvField[], table: Table, report: Report): boolean {
  const names = Object.keys(table.columns);
  const wanted = `the header must be \`${names.join(',')}\``;
  const at = header.findIndex(({ text }, index) => text !== names[index]);
  const [wrong, last] = [header[at], header.at(-1)];
  if (wrong !== undefined) {
    const hint = names.includes(wrong.text) ? undefined : closest(wrong.text, names);
    report(wrong, `${wanted}, the columns of ${table.name} in their order, not \`${wrong.text}\` here`, hint);
  } else if (last !== undefined && header.length < names.length)
    report(last, `${wanted}; \`${names[header.length]}\` is missing after this`);
  return wrong === undefined && header.length === names.length;
}

/** Returns the value of a field, NULL if it is empty, or what is wrong with it. */
function checkField(
  { text, isQuoted }: CsvField,
  name: string,
  { type, nullable, oneOf, min, max }: Column,
): string | null | { readonly problem: string; readonly hint?: string } {
  const mustBe = (what: string, hint?: string) => ({
    problem: `\`${name}\` must be ${what}, not \`${text}\``,
    ...(hint !== undefined && { hint }),
  });
  if (text === '' && !isQuoted)
    return nullable ? null : { problem: `\`${name}\` is empty, but the column does not allow NULL` };
  const value = valueText(text, type);
  if (value === undefined) return mustBe(`a value of type ${type}`);
  if (oneOf !== undefined && !oneOf.includes(value)) return mustBe(`one of ${oneOf.join(', ')}`, closest(text, oneOf));
  if (type === 'FLOAT' || type === 'DOUBLE') {
    const number = type === 'FLOAT' ? Math.fround(Number(value)) : Number(value);
    if (!Number.isFinite(number)) return mustBe(`a finite ${type}`);
  }
  if (min !== undefined && Number(value) < min) return mustBe(`at least ${min}`);
  if (max !== undefined && Number(value) > max) return mustBe(`at most ${max}`);
  return value;
}
