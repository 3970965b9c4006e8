import type { Reader } from '../engine/for-commands.ts';
import { formatDay } from '../engine/index.ts';
import { msOfDay } from '../exchange/timeframes.ts';
import type { Database } from '../models/schema.ts';
import { checkRange, describeRange, noteOutside } from './parameters/range.ts';
import type { GivenOf, Parameters, PlainParameters, Question, ValuesOf } from './question.ts';

/** The parameters of a question, checked against the warehouse. */
export interface Resolved<P extends Parameters> {
  readonly values: ValuesOf<P>;
  /** Notes about this answer. */
  readonly notes: readonly string[];
}

/** @throws PipelineError USAGE for a parameter that is invalid or names something that does not exist */
export async function resolveQuestion<P extends Parameters>(
  question: Pick<Question<P>, 'parameters' | 'check' | 'covers'>,
  reader: Reader<Database>,
  given: GivenOf<P>,
): Promise<Resolved<P>> {
  const asked: Readonly<Record<string, unknown>> = given;
  const resolved: Record<string, unknown> = {};
  for (const [key, parameter] of Object.entries(question.parameters)) {
    resolved[key] = await parameter.resolve(asked[key], { key, reader });
  }
  const values = resolved as ValuesOf<P>;
  checkRange(resolved as Dates);
  const outside = await outsideOfRecord(question, reader, values);
  return { values, notes: [...outside, ...((await question.check?.(reader, values)) ?? [])] };
}

async function outsideOfRecord<P extends Parameters>(
  { covers }: Pick<Question<P>, 'covers'>,
  reader: Reader<Database>,
  values: ValuesOf<P>,
): Promise<readonly string[]> {
  const range = values as Dates;
  if (covers === undefined || (range.start === undefined && range.end === undefined)) return [];
  const [found] = await reader.rows(covers(reader.db, values));
  if (found?.first == null || found.last === null) return [];
  return noteOutside(range, { first: found.first, end: new Date(found.last.getTime() + msOfDay) });
}

/**
 * Resolves parameters that do not need a warehouse.
 * @throws PipelineError USAGE for an invalid one
 */
export function resolvePlain<P extends PlainParameters>(parameters: P, given: GivenOf<P>): ValuesOf<P> {
  const asked: Readonly<Record<string, unknown>> = given;
  const resolved = Object.fromEntries(
    Object.entries(parameters).map(([key, parameter]) => [key, parameter.resolve(asked[key], { key })]),
  );
  checkRange(resolved as Dates);
  return resolved as ValuesOf<P>;
}

interface Dates {
  readonly date?: Date;
  readonly symbol?: string;
  readonly timeframe?: string;
  readonly start?: Date;
  readonly end?: Date;
}

/** Describes the request: `futures-um · BTCUSDT · 2025-06-17 … 2025-06-28, 12 days`. */
export function describeQuestion<P extends Parameters>(
  question: Pick<Question<P>, 'market'>,
  values: ValuesOf<P>,
): string {
  const { date, symbol, timeframe, ...range } = values as Dates;
  const days = date === undefined ? describeRange(range) : formatDay(date);
  return [question.market?.(values) ?? 'futures-um', symbol, timeframe, days]
    .filter((part) => part !== undefined)
    .join(' · ');
}
